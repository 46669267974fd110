-- Grain: raw table and minute of event time. Key: (Source, Minute). How many raw rows have arrived for each minute, however late:
-- the sensors compare it with what the lineage has processed. Sum Rows when reading.
CREATE TABLE IF NOT EXISTS raw_arrivals ${ON_CLUSTER}
(
    Source LowCardinality(String) COMMENT 'traces or logs',
    Minute DateTime COMMENT 'Event time, cut to the minute',
    Rows UInt64 COMMENT 'Raw rows that have arrived for this minute'
)
ENGINE = ${REPLICATED}SummingMergeTree(Rows)
PARTITION BY toDate(Minute)
ORDER BY (Source, Minute)
TTL Minute + toIntervalDay(${RAW_TTL_DAYS})
SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1
