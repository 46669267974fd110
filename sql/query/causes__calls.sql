-- Grain: caller × callee. Key: the same. Called by detection.causes: who called whom in the windows.
SELECT Call.1 AS Caller, Call.2 AS Callee, count() AS Traces
FROM trace_summaries
ARRAY JOIN arrayDistinct(arrayZip(Edge.Caller, Edge.Callee)) AS Call
WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
    AND arrayExists((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
GROUP BY Caller, Callee
ORDER BY Caller, Callee
