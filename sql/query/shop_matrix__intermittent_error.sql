-- Grain: service. Key: ServiceName. Called by load.shop_matrix: writes that came too late for the version that they had read,
-- in the quiet from before to start and while the fault lasted, from start to end.
WITH arrayExists(a -> a['exception.type'] LIKE '%StaleCartError', Events.Attributes) AS Late
SELECT
    ServiceName,
    countIf(Late AND Timestamp < {start:DateTime64(3)}) AS Quiet,
    countIf(Late AND Timestamp >= {start:DateTime64(3)}) AS During
FROM otel_traces
WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND SpanKind = 'Server'
GROUP BY ServiceName
ORDER BY ServiceName
