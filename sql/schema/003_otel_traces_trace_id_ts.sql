-- Grain: trace and inserted block. Key: TraceId. Where to look for a trace; the Collector's and HyperDX's trace view use it.
CREATE TABLE IF NOT EXISTS otel_traces_trace_id_ts ${ON_CLUSTER}
(
    TraceId String COMMENT 'Trace, hex' CODEC(ZSTD(1)),
    Start DateTime COMMENT 'First span start in the block' CODEC(Delta, ZSTD(1)),
    End DateTime COMMENT 'Last span start in the block' CODEC(Delta, ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY toDate(Start)
ORDER BY (TraceId, Start)
TTL toDateTime(Start) + toIntervalDay(${RAW_TTL_DAYS})
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, fsync_after_insert = 1
