-- Grain: a trace. Key: TraceId. Called by investigate.engine: the worst traces of the window.
SELECT TraceId
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Verdict = 'anomalous'
ORDER BY RootKind = 'Internal', Score DESC, TraceId
LIMIT 5
