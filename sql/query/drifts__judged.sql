-- Grain: a minute that was judged. Key: Minute. Called by detection.drifts.
SELECT Minute, Traces, Service, Kind, Part, Deviation, Bound
FROM behavior_windows
WHERE Hour >= toStartOfHour({start:DateTime}) AND Hour <= toStartOfHour({end:DateTime}) AND Minute >= {start:DateTime} AND Minute < {end:DateTime}
    AND CodeVersion = {code_version:String}
ORDER BY Minute
