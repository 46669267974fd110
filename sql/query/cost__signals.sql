-- Grain: signal. Key: Signal. Called by investigate.cost: rows and bytes before compression of logs, spans and metric points in a window, and the seconds
-- between the first and the last of them.
SELECT
    'logs' AS Signal, count() AS Rows, sum(byteSize(Timestamp, TraceId, SpanId, Body, LogAttributes, ResourceAttributes, ScopeAttributes)) AS Bytes,
    if(Rows = 0, 0, date_diff('millisecond', min(Timestamp), max(Timestamp)) / 1000) AS Seconds
FROM otel_logs
WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
UNION ALL
SELECT
    'spans', count() AS Rows,
    sum(byteSize(Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanAttributes, ResourceAttributes, StatusMessage, `Events.Name`, `Events.Attributes`)),
    if(Rows = 0, 0, date_diff('millisecond', min(Timestamp), max(Timestamp)) / 1000)
FROM otel_traces
WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
