-- Grain: a log template. Key: TemplateId; read with FINAL. The catalogue of everything that the systems say.
-- Written by log_templates: after each hour, the templates met in it are summed up again from log_template_counts.
CREATE TABLE IF NOT EXISTS log_templates ${ON_CLUSTER}
(
    TemplateId UInt64 COMMENT 'Stable id: hash of the mask that founded the template',
    Text String COMMENT 'The template; <*> stands for what varies' CODEC(ZSTD(3)),
    TextHash UInt64 COMMENT 'cityHash64 of Text: key of its vector in embeddings',
    Services Array(LowCardinality(String)) COMMENT 'Services that log it',
    SeverityText LowCardinality(String) COMMENT 'Highest severity seen, one spelling (otel_pipeline_severity_v1)',
    SeverityNumber UInt8 COMMENT 'Highest severity seen, 1 to 24; 0 where sources give none',
    FirstSeen DateTime64(9) COMMENT 'Time of the first line',
    LastSeen DateTime64(9) COMMENT 'Time of the last line',
    Count UInt64 COMMENT 'Lines in the hours that are kept',
    MaskVersion UInt16 COMMENT 'Version of the template rules',
    Revision UInt32 COMMENT 'How often the text was generalised since the template was founded',
    UpdatedAt DateTime64(3) DEFAULT now64(3) COMMENT 'When this row was written'
)
ENGINE = ${REPLICATED}ReplacingMergeTree(UpdatedAt)
ORDER BY TemplateId
