-- Grain: caller × callee. Key: the same. Called by investigate.engine: who called whom in anomalous traces of some operations; the most frequent first.
SELECT Call.1 AS Caller, Call.2 AS Callee, count() AS Traces
FROM trace_summaries
ARRAY JOIN arrayDistinct(arrayZip(Edge.Caller, Edge.Callee)) AS Call
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    AND (RootService, RootOperation) IN {operations:Array(Tuple(String, String))}
    AND TraceId IN (
        SELECT TraceId
        FROM anomaly_scores
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Verdict = 'anomalous'
    )
GROUP BY Caller, Callee
ORDER BY Traces DESC, Caller, Callee
