-- Grain: signal. Key: Signal. Called by investigate.cost: rows and bytes before compression of logs, spans and metric points in a window.
SELECT 'logs' AS Signal, count() AS Rows, sum(byteSize(Timestamp, TraceId, SpanId, Body, LogAttributes, ResourceAttributes, ScopeAttributes)) AS Bytes
FROM otel_logs
WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
UNION ALL
SELECT
    'spans', count(),
    sum(byteSize(Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanAttributes, ResourceAttributes, StatusMessage, `Events.Name`, `Events.Attributes`))
FROM otel_traces
WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
