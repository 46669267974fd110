-- Grain: source × minute. Key: the same. Called by detection.lineage: raw rows that have arrived for an hour, 15 minutes beside it, and the minutes far from it
-- in which its traces have spans.
SELECT Source, Minute, sum(Rows) AS Rows
FROM raw_arrivals
WHERE (Minute >= {hour:DateTime} - INTERVAL 15 MINUTE AND Minute < {hour:DateTime} + INTERVAL 75 MINUTE)
    OR Minute IN (SELECT Minute FROM lineage_far WHERE Hour = {hour:DateTime})
GROUP BY Source, Minute
