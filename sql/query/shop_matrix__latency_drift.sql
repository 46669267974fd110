-- Grain: service. Key: ServiceName. Called by load.shop_matrix: work of its own for each request (spans less their children, without waits for others), ms,
-- in the quiet from before to start and while the fault lasted, from start to end.
WITH Timestamp < {start:DateTime64(3)} AS IsBefore, Duration::Int64 - Children AS Own
SELECT
    ServiceName,
    sumIf(Own, IsBefore) / greatest(1, countIf(SpanKind = 'Server' AND IsBefore)) / 1e6 AS Quiet,
    sumIf(Own, NOT IsBefore) / greatest(1, countIf(SpanKind = 'Server' AND NOT IsBefore)) / 1e6 AS During
FROM (SELECT * FROM otel_traces WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    AND NOT (SpanKind = 'Client' AND SpanAttributes['http.request.method'] != '')) AS span
LEFT JOIN
(
    SELECT TraceId, ParentSpanId, sum(Duration)::Int64 AS Children FROM otel_traces
    WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} GROUP BY TraceId, ParentSpanId
) AS child ON child.TraceId = span.TraceId AND child.ParentSpanId = span.SpanId
GROUP BY ServiceName
ORDER BY ServiceName
