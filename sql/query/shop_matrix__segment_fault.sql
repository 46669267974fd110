-- Grain: service. Key: ServiceName. Called by load.shop_matrix: requests that ended in an error of its own (500),
-- in the quiet from before to start and while the fault lasted, from start to end.
SELECT
    ServiceName,
    countIf(Timestamp < {start:DateTime64(3)}) AS Quiet,
    countIf(Timestamp >= {start:DateTime64(3)}) AS During
FROM otel_traces
WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND SpanKind = 'Server' AND SpanAttributes['http.response.status_code'] = '500'
GROUP BY ServiceName
ORDER BY ServiceName
