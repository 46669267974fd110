-- Grain: service. Key: ServiceName. Called by load.shop_matrix: mean duration of a query, ms,
-- but for those that were cut off, in the quiet from before to start and while the fault lasted, from start to end.
SELECT
    ServiceName,
    avgOrDefaultIf(Duration, Timestamp < {start:DateTime64(3)}) / 1e6 AS Quiet,
    avgOrDefaultIf(Duration, Timestamp >= {start:DateTime64(3)}) / 1e6 AS During
FROM otel_traces
WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND SpanAttributes['db.query.summary'] != ''
    AND StatusCode NOT ILIKE '%error%'
GROUP BY ServiceName
ORDER BY ServiceName
