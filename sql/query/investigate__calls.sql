-- Grain: caller × callee. Key: the same. Called by investigate.path: who called whom in anomalous traces, and in those that are named, also where the callee left no span, and in how
-- many of them the call failed; the most frequent first.
SELECT Call.1 AS Caller, Call.2 AS Callee, count() AS Traces, countIf(has(Broken, Call)) AS Failed
FROM
(
    SELECT
        arrayFilter(x -> x.2 != '', arrayDistinct(arrayZip(Error.Service, Error.Peer))) AS Broken,
        arrayDistinct(arrayConcat(arrayZip(Edge.Caller, Edge.Callee), Broken)) AS Calls
    FROM trace_summaries
    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
        AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
        AND (has({traces:Array(String)}, TraceId) OR TraceId IN (
            SELECT TraceId
            FROM anomaly_scores
            WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
                AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Verdict = 'anomalous'
        ))
)
ARRAY JOIN Calls AS Call
GROUP BY Caller, Callee
ORDER BY Traces DESC, Caller, Callee
