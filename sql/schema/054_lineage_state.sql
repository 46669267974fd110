-- Grain: hour × source × minute. Key: the same, newest row wins (FINAL). How many raw rows each hour was processed with: compared with raw_arrivals
-- by lineage__dirty_hours. Written at the end of the chain of an hour.
CREATE TABLE IF NOT EXISTS lineage_state ${ON_CLUSTER}
(
    Hour DateTime COMMENT 'Partition that was processed',
    Source LowCardinality(String) COMMENT 'traces or logs',
    Minute DateTime COMMENT 'Minute of event time, in the hour or up to 15 minutes beside it',
    Rows UInt64 COMMENT 'Raw rows that had arrived when processing began',
    CodeVersion LowCardinality(String) COMMENT 'Version of the code that processed the hour',
    ProcessedAt DateTime64(3) DEFAULT now64(3) COMMENT 'When processing began'
)
ENGINE = ${REPLICATED}ReplacingMergeTree(ProcessedAt)
PARTITION BY toDate(Hour)
ORDER BY (Hour, Source, Minute)
TTL Hour + toIntervalDay(${RAW_TTL_DAYS})
