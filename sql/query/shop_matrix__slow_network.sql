-- Grain: service. Key: ServiceName. Called by load.shop_matrix: mean time that a call to it spends between caller and callee, ms,
-- in the quiet from before to start and while the fault lasted, from start to end.
SELECT
    callee.ServiceName AS ServiceName,
    avgOrDefaultIf(caller.Duration - callee.Duration, callee.Timestamp < {start:DateTime64(3)}) / 1e6 AS Quiet,
    avgOrDefaultIf(caller.Duration - callee.Duration, callee.Timestamp >= {start:DateTime64(3)}) / 1e6 AS During
FROM
(
    SELECT TraceId, SpanId, Duration::Int64 AS Duration FROM otel_traces
    WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND SpanKind = 'Client'
) AS caller
INNER JOIN
(
    SELECT TraceId, ParentSpanId, ServiceName, Timestamp, Duration::Int64 AS Duration FROM otel_traces
    WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND SpanKind = 'Server'
) AS callee ON callee.TraceId = caller.TraceId AND callee.ParentSpanId = caller.SpanId
GROUP BY ServiceName
ORDER BY ServiceName
