-- Grain: a span. Key: none (append only). The table of the OpenTelemetry Collector's exporter and of HyperDX, column for column.
-- Written by intake, import or a Collector; never altered here.
CREATE TABLE IF NOT EXISTS otel_traces ${ON_CLUSTER}
(
    `Timestamp` DateTime64(9) COMMENT 'When the span started' CODEC(Delta(8), ZSTD(1)),
    `TraceId` String COMMENT 'Trace, hex' CODEC(ZSTD(1)),
    `SpanId` String COMMENT 'Span, hex' CODEC(ZSTD(1)),
    `ParentSpanId` String COMMENT 'Parent span, empty at the root' CODEC(ZSTD(1)),
    `TraceState` String COMMENT 'W3C trace state' CODEC(ZSTD(1)),
    `SpanName` LowCardinality(String) COMMENT 'Operation' CODEC(ZSTD(1)),
    `SpanKind` LowCardinality(String) COMMENT 'Server, Client, Internal, Producer, Consumer, Unspecified' CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) COMMENT 'Resource attribute service.name' CODEC(ZSTD(1)),
    `ResourceAttributes` Map(LowCardinality(String), String) COMMENT 'What emitted the span' CODEC(ZSTD(1)),
    `ScopeName` String COMMENT 'Instrumentation scope' CODEC(ZSTD(1)),
    `ScopeVersion` String COMMENT 'Version of the scope' CODEC(ZSTD(1)),
    `SpanAttributes` Map(LowCardinality(String), String) COMMENT 'Attributes of the span' CODEC(ZSTD(1)),
    `Duration` UInt64 COMMENT 'Nanoseconds' CODEC(ZSTD(1)),
    `StatusCode` LowCardinality(String) COMMENT 'Unset, Ok, Error' CODEC(ZSTD(1)),
    `StatusMessage` String COMMENT 'Why, when Error' CODEC(ZSTD(1)),
    `Events.Timestamp` Array(DateTime64(9)) COMMENT 'When each event happened' CODEC(ZSTD(1)),
    `Events.Name` Array(LowCardinality(String)) COMMENT 'Name of each event' CODEC(ZSTD(1)),
    `Events.Attributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each event' CODEC(ZSTD(1)),
    `Links.TraceId` Array(String) COMMENT 'Linked traces' CODEC(ZSTD(1)),
    `Links.SpanId` Array(String) COMMENT 'Linked spans' CODEC(ZSTD(1)),
    `Links.TraceState` Array(String) COMMENT 'State of each link' CODEC(ZSTD(1)),
    `Links.Attributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each link' CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1,
    INDEX idx_lower_span_name lower(SpanName) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
TTL toDateTime(Timestamp) + toIntervalDay(${RAW_TTL_DAYS})
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, min_bytes_for_wide_part = 67108864
