-- Grain: a trace. Key: TraceId within Hour, the hour in which its first span starts. Written by trace_summaries, which replaces the partition of the hour.
CREATE TABLE IF NOT EXISTS trace_summaries ${ON_CLUSTER}
(
    Hour DateTime COMMENT 'Hour in which the first span starts',
    Timestamp DateTime64(9) COMMENT 'Start of the first span' CODEC(Delta(8), ZSTD(1)),
    TraceId String COMMENT 'Trace, hex' CODEC(ZSTD(1)),
    RootService LowCardinality(String) COMMENT 'Service of the root span; of the first span where the trace is partial',
    RootOperation LowCardinality(String) COMMENT 'Name of the root span; of the first span where the trace is partial',
    RootKind LowCardinality(String) COMMENT 'Kind of the root span: Internal where nobody asked for the work, such as a job',
    Complete Bool COMMENT 'One root, and every parent is there; a partial trace is not scored',
    Duration UInt64 COMMENT 'Duration of the root span, nanoseconds' CODEC(ZSTD(1)),
    SpanCount UInt32 COMMENT 'Spans',
    ErrorCount UInt32 COMMENT 'Spans with status Error',
    span_sequence String COMMENT 'Services and operations in order of their start, repetitions collapsed' CODEC(ZSTD(3)),
    Shape String COMMENT 'Which operation calls which, with xN where one call makes several' CODEC(ZSTD(3)),
    ShapeHash UInt64 COMMENT 'cityHash64 of Shape: key of its vector in embeddings',
    Services Array(LowCardinality(String)) COMMENT 'Services that took part' CODEC(ZSTD(1)),
    `Self.Service` Array(LowCardinality(String)) COMMENT 'Own work: service' CODEC(ZSTD(1)),
    `Self.Operation` Array(LowCardinality(String)) COMMENT 'Own work: operation' CODEC(ZSTD(1)),
    `Self.Calls` Array(UInt32) COMMENT 'Own work: spans' CODEC(ZSTD(1)),
    `Self.Ns` Array(UInt64) COMMENT 'Own work: duration minus the union of the children, summed, nanoseconds' CODEC(ZSTD(1)),
    `Edge.Caller` Array(LowCardinality(String)) COMMENT 'Call between services: who calls' CODEC(ZSTD(1)),
    `Edge.Callee` Array(LowCardinality(String)) COMMENT 'Call between services: who is called' CODEC(ZSTD(1)),
    `Edge.Operation` Array(LowCardinality(String)) COMMENT 'Call between services: operation of the callee' CODEC(ZSTD(1)),
    `Edge.Calls` Array(UInt32) COMMENT 'Call between services: how often' CODEC(ZSTD(1)),
    `Edge.GapNs` Array(UInt64) COMMENT 'Call between services: duration at the caller minus duration at the callee, summed, nanoseconds' CODEC(ZSTD(1)),
    `Edge.Outlived` Array(UInt32) COMMENT 'Calls whose callee worked on after the caller had given up' CODEC(ZSTD(1)),
    `Error.Service` Array(LowCardinality(String)) COMMENT 'Error spans: service' CODEC(ZSTD(1)),
    `Error.Operation` Array(LowCardinality(String)) COMMENT 'Error spans: operation' CODEC(ZSTD(1)),
    `Error.Type` Array(LowCardinality(String)) COMMENT 'Error spans: exception type, error.type or HTTP status' CODEC(ZSTD(1)),
    `Error.Message` Array(String) COMMENT 'Error spans: message with what varies masked' CODEC(ZSTD(1)),
    `Error.Count` Array(UInt32) COMMENT 'Error spans: how many' CODEC(ZSTD(1)),
    `Error.Origin` Array(Bool) COMMENT 'Error spans: no child failed, so the error began here' CODEC(ZSTD(1)),
    `Error.Peer` Array(LowCardinality(String)) COMMENT 'Error spans: service that was being called, where the span is a call' CODEC(ZSTD(1)),
    `Template.Id` Array(UInt64) COMMENT 'Log templates: log_templates.TemplateId' CODEC(ZSTD(1)),
    `Template.Service` Array(LowCardinality(String)) COMMENT 'Log templates: service' CODEC(ZSTD(1)),
    `Template.Severity` Array(UInt8) COMMENT 'Log templates: highest severity number' CODEC(ZSTD(1)),
    `Template.Count` Array(UInt32) COMMENT 'Log templates: lines' CODEC(ZSTD(1)),
    Retries UInt32 COMMENT 'Calls that repeat a failed call of the same caller to the same operation',
    Versions Map(LowCardinality(String), String) COMMENT 'service.version of each service' CODEC(ZSTD(1)),
    CodeVersion LowCardinality(String) COMMENT 'Version of the code that made the row',
    WrittenAt DateTime64(3) DEFAULT now64(3) COMMENT 'When this row was written',
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY Hour
ORDER BY (RootService, RootOperation, Timestamp, TraceId)
TTL Hour + toIntervalDay(${DERIVED_TTL_DAYS})
SETTINGS ttl_only_drop_parts = 1
