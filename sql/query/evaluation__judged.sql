-- Grain: a trace that was judged. Key: TraceId. Called by evaluation.shop, in order of time.
SELECT TraceId, Timestamp, Score, Verdict
FROM anomaly_scores
WHERE Verdict IN ('normal', 'anomalous')
ORDER BY Timestamp, TraceId
