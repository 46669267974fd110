-- Grain: a trace. Key: TraceId. Called by investigate.engine: the worst traces of the window; those first that point at a service, where one is given.
SELECT TraceId
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Verdict = 'anomalous'
ORDER BY has(Reasons.Service, {service:String}) DESC, RootKind = 'Internal', Score DESC, TraceId
LIMIT 5
