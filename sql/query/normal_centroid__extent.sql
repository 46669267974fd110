-- Grain: one row. Called by detection.normal_centroid: since when each root service has been seen, in the days that baselines look back over.
-- Newest: the newest trace of all; a window within an hour is learned from only when traffic has gone on beyond its end. 1970 where there is none.
SELECT
    groupArray(First) AS FirstTraffic,
    toDateTime(min(First), 'UTC') AS Oldest,
    (SELECT toDateTime(max(Timestamp), 'UTC') FROM trace_summaries WHERE Hour = (SELECT max(Hour) FROM trace_summaries)) AS Newest
FROM
(
    SELECT RootService, toDateTime(min(Timestamp), 'UTC') AS First
    FROM trace_summaries
    WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour <= {hour:DateTime}
    GROUP BY RootService
    ORDER BY First
)
