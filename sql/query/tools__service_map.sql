-- Grain: caller × callee. Called by tools.traces: calls between services in a window, with the failures of traces that hold them.
SELECT
    Caller, Callee, sum(Calls) AS AllCalls, uniqExact(TraceId) AS Traces,
    uniqExactIf(TraceId, has(Error.Service, Callee)) AS TracesCalleeFailed,
    sum(GapNs) / AllCalls / 1e6 AS GapMs,
    sum(Outlived) AS AllOutlived
FROM trace_summaries
ARRAY JOIN Edge.Caller AS Caller, Edge.Callee AS Callee, Edge.Calls AS Calls, Edge.GapNs AS GapNs, Edge.Outlived AS Outlived
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    AND ({service:String} = '' OR Caller = {service:String} OR Callee = {service:String})
GROUP BY Caller, Callee
ORDER BY AllCalls DESC, Caller, Callee
LIMIT 200
