-- Grain: a trace. Key: TraceId. Called by investigate.engine: the worst traces of the window; those first that point at a service, where one is given.
SELECT TraceId, has(Reasons.Service, {service:String}) AS Mine
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Verdict = 'anomalous'
ORDER BY Mine DESC, RootKind = 'Internal', Score DESC, TraceId
LIMIT 5
