-- Grain: a minute with traces. Key: Minute. Called by detection.drifts: how much there is to judge, and the newest trace of all.
SELECT toStartOfMinute(toDateTime(Timestamp)) AS Minute, count() AS Traces, max(max(Timestamp)) OVER () AS Newest
FROM trace_summaries
WHERE Hour >= toStartOfHour({start:DateTime}) AND Hour <= toStartOfHour({end:DateTime})
    AND Timestamp >= {start:DateTime} AND Timestamp < {end:DateTime}
GROUP BY Minute
ORDER BY Minute
