-- Grain: run × source × minute. Key: the same. What had arrived when a run of an hour began: becomes lineage_state when the run ends well, and tells the
-- checks which minutes have not changed since. Written by detection.lineage.begin.
CREATE TABLE IF NOT EXISTS lineage_runs ${ON_CLUSTER}
(
    RunId String COMMENT 'Who processes: the Dagster run',
    Hour DateTime COMMENT 'Partition that is processed',
    Source LowCardinality(String) COMMENT 'traces or logs',
    Minute DateTime COMMENT 'Minute of event time, in the hour or up to 15 minutes beside it',
    Rows UInt64 COMMENT 'Raw rows that had arrived when processing began',
    BeganAt DateTime DEFAULT now() COMMENT 'When processing began'
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY toDate(BeganAt)
ORDER BY (RunId, Hour, Source, Minute)
TTL BeganAt + INTERVAL 2 DAY
SETTINGS ttl_only_drop_parts = 1
