-- Grain: a trace. Called by detection.anomaly_scores: the worst traces of an hour, for the asset page.
SELECT
    TraceId,
    Timestamp,
    RootService,
    RootOperation,
    round(Score, 2) AS score,
    round(Duration / 1e6, 1) AS duration_ms,
    Suspect AS suspect,
    arrayStringConcat(arrayMap((k, s, o, w) -> concat(k, ' ', s, ' ', o, ': ', w), Reasons.Kind, Reasons.Service, Reasons.Operation, Reasons.What), '; ') AS reasons
FROM anomaly_scores
WHERE Hour = {hour:DateTime} AND Verdict = 'anomalous'
ORDER BY Score DESC, TraceId
LIMIT 10
