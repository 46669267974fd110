-- Grain: a span. Key: (SpanId, Service, Kind). Called by tools.traces: one trace, in order of start.
SELECT
    Timestamp, SpanId, ParentSpanId, ServiceName AS Service, SpanName AS Operation, otel_pipeline_enum_v1(SpanKind) AS Kind, Duration / 1e6 AS Ms,
    otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`) AS Failed,
    if(StatusMessage != '', StatusMessage, arrayLast(e -> e != '', arrayMap(a -> a['exception.message'], `Events.Attributes`))) AS Message,
    arrayLast(e -> e != '', arrayMap(a -> a['exception.type'], `Events.Attributes`)) AS Exception,
    ResourceAttributes['service.version'] AS Version
FROM otel_traces
WHERE TraceId = {trace_id:String}
ORDER BY Timestamp, SpanId
LIMIT 1 BY Timestamp, SpanId, Service, Kind -- a sender may repeat what it has delivered
LIMIT 1000
