-- Grain: one row. Called by detection.normal_centroid: how many traces the windows hold, to decide whether to thin them.
SELECT count() AS Traces
FROM trace_summaries
WHERE Complete
    AND Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))}))
    AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
    AND arrayExists((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
