-- Grain: span of one trace. Key: SpanId. Called by investigate.waterfall.
SELECT SpanId, ParentSpanId, ServiceName AS Service, SpanName AS Operation, Timestamp, Duration, StatusCode ILIKE '%error%' AS Failed, StatusMessage
FROM otel_traces
WHERE TraceId = {trace:String} AND Timestamp >= {start:DateTime64(3)} AND Timestamp <= {end:DateTime64(3)}
ORDER BY Timestamp, Duration DESC, SpanId
LIMIT 2000
