-- Grain: a log template. Key: TemplateId; read with FINAL. The texts alone, as log_templates merges them; log_templates is the catalogue to read.
CREATE TABLE IF NOT EXISTS log_template_texts ${ON_CLUSTER}
(
    TemplateId UInt64 COMMENT 'Stable id: hash of the mask that founded the template',
    Text String COMMENT 'The template; <*> stands for what varies' CODEC(ZSTD(3)),
    Revision UInt32 COMMENT 'How often the text was generalised since the template was founded',
    MaskVersion UInt16 COMMENT 'Version of the template rules'
)
ENGINE = ${REPLICATED}ReplacingMergeTree(Revision)
ORDER BY TemplateId
