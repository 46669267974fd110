-- Grain: hour × template × service × severity. Key: the same. Written by log_templates, which replaces the partition of the hour.
CREATE TABLE IF NOT EXISTS log_template_counts ${ON_CLUSTER}
(
    Hour DateTime COMMENT 'Hour of the lines',
    TemplateId UInt64 COMMENT 'Template: log_templates.TemplateId',
    ServiceName LowCardinality(String) COMMENT 'Service that logged the lines',
    SeverityText LowCardinality(String) COMMENT 'Severity, one spelling (otel_pipeline_severity_v1)',
    SeverityNumber UInt8 COMMENT 'Highest severity number among the lines; 0 where sources give none',
    Count UInt64 COMMENT 'Lines',
    FirstSeen DateTime64(9) COMMENT 'Time of the first line in the hour',
    LastSeen DateTime64(9) COMMENT 'Time of the last line in the hour',
    ExampleBodies Array(String) COMMENT 'The first few lines of the hour, at most 1,000 characters each' CODEC(ZSTD(3)),
    ExampleTraceIds Array(String) COMMENT 'The first few traces of the hour that logged it' CODEC(ZSTD(3))
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY Hour
ORDER BY (TemplateId, ServiceName, SeverityText)
TTL Hour + toIntervalDay(${DERIVED_TTL_DAYS})
SETTINGS ttl_only_drop_parts = 1
