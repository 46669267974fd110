-- Grain: service. Key: ServiceName. Called by load.shop_matrix: mean of units on the shelf that it does not offer,
-- in the quiet from before to start and while the fault lasted, from start to end.
WITH extractAll(Body, '[0-9]+') AS Numbers, toInt64OrZero(Numbers[-2]) - toInt64OrZero(Numbers[-1]) AS Kept
SELECT
    ServiceName,
    avgOrDefaultIf(Kept, Timestamp < {start:DateTime64(3)}) AS Quiet,
    avgOrDefaultIf(Kept, Timestamp >= {start:DateTime64(3)}) AS During
FROM otel_logs
WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND ServiceName = 'inventory' AND Body LIKE 'checked %: % on hand, % available'
GROUP BY ServiceName
ORDER BY ServiceName
