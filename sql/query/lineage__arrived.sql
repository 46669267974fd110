-- Grain: source × minute. Key: the same. Called by detection.lineage: raw rows that have arrived for an hour and 15 minutes beside it.
SELECT Source, Minute, sum(Rows) AS Rows
FROM raw_arrivals
WHERE Minute >= {hour:DateTime} - INTERVAL 15 MINUTE AND Minute < {hour:DateTime} + INTERVAL 75 MINUTE
GROUP BY Source, Minute
