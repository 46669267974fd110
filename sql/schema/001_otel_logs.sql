-- Grain: a log record. Key: none (append only). The table of the OpenTelemetry Collector's exporter and of HyperDX, column for column.
-- Written by intake, import or a Collector; never altered here.
CREATE TABLE IF NOT EXISTS otel_logs ${ON_CLUSTER}
(
    `Timestamp` DateTime64(9) COMMENT 'When the event happened' CODEC(Delta(8), ZSTD(1)),
    `TraceId` String COMMENT 'Trace that the record belongs to, hex' CODEC(ZSTD(1)),
    `SpanId` String COMMENT 'Span that the record belongs to, hex' CODEC(ZSTD(1)),
    `TraceFlags` UInt8 COMMENT 'W3C trace flags',
    `SeverityText` LowCardinality(String) COMMENT 'Severity as the source wrote it' CODEC(ZSTD(1)),
    `SeverityNumber` UInt8 COMMENT 'Severity, 1 (trace) to 24 (fatal)',
    `ServiceName` LowCardinality(String) COMMENT 'Resource attribute service.name' CODEC(ZSTD(1)),
    `Body` String COMMENT 'The log message' CODEC(ZSTD(1)),
    `ResourceSchemaUrl` LowCardinality(String) COMMENT 'Schema of the resource attributes' CODEC(ZSTD(1)),
    `ResourceAttributes` Map(LowCardinality(String), String) COMMENT 'What emitted the record' CODEC(ZSTD(1)),
    `ScopeSchemaUrl` LowCardinality(String) COMMENT 'Schema of the scope attributes' CODEC(ZSTD(1)),
    `ScopeName` String COMMENT 'Instrumentation scope' CODEC(ZSTD(1)),
    `ScopeVersion` LowCardinality(String) COMMENT 'Version of the scope' CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) COMMENT 'Attributes of the scope' CODEC(ZSTD(1)),
    `LogAttributes` Map(LowCardinality(String), String) COMMENT 'Attributes of the record' CODEC(ZSTD(1)),
    `EventName` String COMMENT 'Name of the event, if the record is one' CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_key mapKeys(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_key mapKeys(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_value mapValues(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_lower_body lower(Body) TYPE tokenbf_v1(32768, 3, 0) GRANULARITY 8
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)
TTL toDateTime(Timestamp) + toIntervalDay(${RAW_TTL_DAYS})
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, fsync_after_insert = 1, min_bytes_for_wide_part = 67108864
