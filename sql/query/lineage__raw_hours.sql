-- Grain: an hour that holds raw rows. Key: Hour. Called by detection.lineage.
SELECT DISTINCT toStartOfHour(Minute) AS Hour
FROM raw_arrivals
WHERE Minute >= toStartOfHour({start:DateTime}) AND Minute < {end:DateTime}
ORDER BY Hour
