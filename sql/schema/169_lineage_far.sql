-- Grain: hour × minute. Key: the same. Minutes far from an hour in which its traces have spans, because a clock is wrong or a trace takes hours: rows that
-- arrive for them change the hour. Written by trace_summaries, read by detection.lineage.
CREATE TABLE IF NOT EXISTS lineage_far ${ON_CLUSTER}
(
    Hour DateTime COMMENT 'Hour in which the traces begin',
    Minute DateTime COMMENT 'Minute of event time in which they have spans'
)
ENGINE = ${REPLICATED}ReplacingMergeTree
PARTITION BY toDate(Hour)
ORDER BY (Hour, Minute)
TTL Hour + toIntervalDay(${RAW_TTL_DAYS})
