-- Grain: span of one trace. Key: (SpanId, Service, kind). Called by investigate.waterfall.
SELECT SpanId, ParentSpanId, ServiceName AS Service, SpanName AS Operation, Timestamp, Duration, otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`) AS Failed, StatusMessage
FROM otel_traces
WHERE TraceId = {trace:String} AND Timestamp >= {start:DateTime64(3)} AND Timestamp <= {end:DateTime64(3)}
ORDER BY Timestamp, Duration DESC, SpanId
LIMIT 1 BY Timestamp, SpanId, Service, otel_pipeline_enum_v1(SpanKind) -- a sender may repeat what it has delivered
LIMIT 2000
