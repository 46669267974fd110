-- Grain: a point of a gauge. Key: none (append only). The table of the OpenTelemetry Collector's exporter and of HyperDX.
CREATE TABLE IF NOT EXISTS otel_metrics_gauge ${ON_CLUSTER}
(
    `ResourceAttributes` Map(LowCardinality(String), String) COMMENT 'What emitted the point' CODEC(ZSTD(1)),
    `ResourceSchemaUrl` String COMMENT 'Schema of the resource attributes' CODEC(ZSTD(1)),
    `ScopeName` String COMMENT 'Instrumentation scope' CODEC(ZSTD(1)),
    `ScopeVersion` String COMMENT 'Version of the scope' CODEC(ZSTD(1)),
    `ScopeAttributes` Map(LowCardinality(String), String) COMMENT 'Attributes of the scope' CODEC(ZSTD(1)),
    `ScopeDroppedAttrCount` UInt32 COMMENT 'Attributes dropped from the scope' CODEC(ZSTD(1)),
    `ScopeSchemaUrl` String COMMENT 'Schema of the scope attributes' CODEC(ZSTD(1)),
    `ServiceName` LowCardinality(String) COMMENT 'Resource attribute service.name' CODEC(ZSTD(1)),
    `MetricName` String COMMENT 'Instrument' CODEC(ZSTD(1)),
    `MetricDescription` String COMMENT 'What it measures' CODEC(ZSTD(1)),
    `MetricUnit` String COMMENT 'UCUM unit' CODEC(ZSTD(1)),
    `Attributes` Map(LowCardinality(String), String) COMMENT 'Attributes of the point' CODEC(ZSTD(1)),
    `StartTimeUnix` DateTime64(9) COMMENT 'Start of the interval' CODEC(Delta(8), ZSTD(1)),
    `TimeUnix` DateTime64(9) COMMENT 'Time of the point' CODEC(Delta(8), ZSTD(1)),
    `Value` Float64 COMMENT 'The value' CODEC(ZSTD(1)),
    `Flags` UInt32 COMMENT 'Flags of the point' CODEC(ZSTD(1)),
    `Exemplars.FilteredAttributes` Array(Map(LowCardinality(String), String)) COMMENT 'Attributes of each exemplar' CODEC(ZSTD(1)),
    `Exemplars.TimeUnix` Array(DateTime64(9)) COMMENT 'Time of each exemplar' CODEC(ZSTD(1)),
    `Exemplars.Value` Array(Float64) COMMENT 'Value of each exemplar' CODEC(ZSTD(1)),
    `Exemplars.SpanId` Array(String) COMMENT 'Span of each exemplar' CODEC(ZSTD(1)),
    `Exemplars.TraceId` Array(String) COMMENT 'Trace of each exemplar' CODEC(ZSTD(1)),
    INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_key mapKeys(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_scope_attr_value mapValues(ScopeAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_key mapKeys(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX idx_attr_value mapValues(Attributes) TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, Attributes, toUnixTimestamp64Nano(TimeUnix))
TTL toDateTime(TimeUnix) + toIntervalDay(${RAW_TTL_DAYS})
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000, fsync_after_insert = 1
