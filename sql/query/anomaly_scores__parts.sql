-- Grain: one row. Called by detection.anomaly_scores: times that cut the hour, as far as it is judged, into parts of about as many traces each. Starts: of all
-- parts, the first that of the hour; whole seconds.
SELECT arrayConcat(
    [toDateTime({hour:DateTime}, 'UTC')],
    arrayFilter(t -> t > {hour:DateTime}, arraySort(arrayDistinct(
        arrayMap(i -> toDateTime(Seconds[1 + intDiv(i * length(Seconds), {parts:UInt32})], 'UTC'), range(1, {parts:UInt32}))
    )))
) AS Starts
FROM
(
    SELECT arraySort(groupArray(toUnixTimestamp(toDateTime(Timestamp)))) AS Seconds
    FROM trace_summaries
    WHERE Hour = {hour:DateTime}
)
