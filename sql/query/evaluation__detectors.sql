-- Grain: a version of the detector that has judged traces. Called by evaluation.compare. Looks beyond the filter of the connection.
SELECT Detector, count() AS Traces, countIf(Verdict = 'anomalous') AS Anomalous, min(Timestamp) AS Start, max(Timestamp) AS End
FROM anomaly_scores
GROUP BY Detector
ORDER BY Detector
SETTINGS additional_table_filters = {}
