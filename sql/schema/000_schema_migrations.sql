-- Grain: a schema file that was run. Key: Name. Written by `otel-pipeline migrate`.
CREATE TABLE IF NOT EXISTS schema_migrations ${ON_CLUSTER}
(
    Name String COMMENT 'File in sql/schema, without its ending',
    Checksum String COMMENT 'SHA-256 of the statement that was run',
    AppliedAt DateTime64(3) DEFAULT now64(3) COMMENT 'When it was run'
)
ENGINE = ${REPLICATED}ReplacingMergeTree(AppliedAt)
ORDER BY Name
