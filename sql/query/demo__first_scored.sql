-- Grain: anomalous trace. Key: TraceId. Called by demo.watch, which notes when it first sees each row.
SELECT TraceId, any(Timestamp) AS Started, any(addNanoseconds(Timestamp, Duration)) AS Ended
FROM anomaly_scores
WHERE Hour >= toStartOfHour({since:DateTime64(3)}) AND Verdict = 'anomalous' AND Timestamp >= {since:DateTime64(3)}
GROUP BY TraceId
