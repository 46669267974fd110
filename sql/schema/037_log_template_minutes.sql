-- Grain: minute × template × service × severity. Key: the same. log_template_counts by the minute, so that only the minutes for which lines have come are
-- counted again. Written by log_templates: the partition of the hour, or some of its minutes.
CREATE TABLE IF NOT EXISTS log_template_minutes ${ON_CLUSTER}
(
    Hour DateTime COMMENT 'Hour of the lines',
    Minute DateTime COMMENT 'Minute of the lines',
    TemplateId UInt64 COMMENT 'Template: log_templates.TemplateId',
    ServiceName LowCardinality(String) COMMENT 'Service that logged the lines',
    SeverityText LowCardinality(String) COMMENT 'Severity, one spelling (otel_pipeline_severity_v1)',
    SeverityNumber UInt8 COMMENT 'Highest severity number among the lines; 0 where sources give none',
    Count UInt64 COMMENT 'Lines',
    FirstSeen DateTime64(9) COMMENT 'Time of the first line in the minute',
    LastSeen DateTime64(9) COMMENT 'Time of the last line in the minute',
    Examples Array(Tuple(DateTime64(9), String, String)) COMMENT 'The first few lines: time, trace, body of at most 1,000 characters' CODEC(ZSTD(3))
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY Hour
ORDER BY (Minute, TemplateId, ServiceName, SeverityText)
TTL Hour + toIntervalDay(${RAW_TTL_DAYS})
SETTINGS ttl_only_drop_parts = 1
