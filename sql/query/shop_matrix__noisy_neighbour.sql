-- Grain: service. Key: ServiceName. Called by load.shop_matrix: percent of requests that failed,
-- in the quiet from before to start and while the fault lasted, from start to end.
-- The row without a service counts ERROR lines a second that no request has to do with.
WITH Timestamp < {start:DateTime64(3)} AS IsBefore
SELECT
    ServiceName,
    100 * avgOrDefaultIf(StatusCode = 'Error', IsBefore) AS Quiet,
    100 * avgOrDefaultIf(StatusCode = 'Error', NOT IsBefore) AS During
FROM otel_traces
WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND SpanKind = 'Server'
GROUP BY ServiceName
UNION ALL
SELECT
    '' AS ServiceName,
    countIf(Timestamp < {start:DateTime64(3)}) / greatest(1, dateDiff('millisecond', {before:DateTime64(3)}, {start:DateTime64(3)}) / 1000) AS Quiet,
    countIf(Timestamp >= {start:DateTime64(3)}) / greatest(1, dateDiff('millisecond', {start:DateTime64(3)}, {end:DateTime64(3)}) / 1000) AS During
FROM otel_logs
WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND SeverityText = 'ERROR'
    AND TraceId NOT IN (SELECT TraceId FROM otel_traces WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND SpanKind = 'Server')
