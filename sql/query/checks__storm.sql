-- Grain: one row. Called by the check of anomaly_scores, about now: verdicts of the last two hours.
SELECT countIf(Verdict IN ('normal', 'anomalous')) AS Judged, countIf(Verdict = 'anomalous') AS Anomalous
FROM anomaly_scores
WHERE Hour >= toStartOfHour(now()) - INTERVAL 1 HOUR
