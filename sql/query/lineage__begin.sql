-- Grain: run × source × minute. Called by detection.lineage: note what has arrived for an hour, 15 minutes beside it and the far minutes of its traces, before it is processed.
INSERT INTO lineage_runs (RunId, Hour, Source, Minute, Rows)
SELECT {run:String}, {hour:DateTime}, Source, Minute, sum(Rows) AS Arrived
FROM raw_arrivals
WHERE (Minute >= {hour:DateTime} - INTERVAL 15 MINUTE AND Minute < {hour:DateTime} + INTERVAL 75 MINUTE)
    OR Minute IN (SELECT Minute FROM lineage_far WHERE Hour = {hour:DateTime})
GROUP BY Source, Minute
