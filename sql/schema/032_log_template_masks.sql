-- Grain: a distinct mask of log bodies. Key: MaskHash. Which template a line belongs to: join on cityHash64(otel_pipeline_mask_v1(Body)).
-- Written by log_templates; a mapping, once made, is never changed, so that ids are stable across hours.
CREATE TABLE IF NOT EXISTS log_template_masks ${ON_CLUSTER}
(
    MaskHash UInt64 COMMENT 'cityHash64 of the mask',
    TemplateId UInt64 COMMENT 'Template of all lines with this mask',
    Mask String COMMENT 'The mask itself' CODEC(ZSTD(3)),
    MaskVersion UInt16 COMMENT 'Version of the rules that made the mask and its template',
    CreatedAt DateTime64(3) DEFAULT now64(3) COMMENT 'When the mask was first met'
)
ENGINE = ${REPLICATED}ReplacingMergeTree
ORDER BY MaskHash
