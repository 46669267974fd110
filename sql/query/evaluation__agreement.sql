-- Grain: one row. Called by evaluation.compare: traces that two versions of the lineage have judged, each in its database, and how often they agree.
SELECT
    count() AS both_judged,
    countIf(a.Anomalous AND b.Anomalous) AS both_anomalous,
    countIf(a.Anomalous AND NOT b.Anomalous) AS only_old,
    countIf(b.Anomalous AND NOT a.Anomalous) AS only_new
FROM (SELECT Hour, TraceId, Verdict = 'anomalous' AS Anomalous FROM {old:Identifier}.anomaly_scores WHERE Verdict IN ('normal', 'anomalous')) AS a
INNER JOIN (SELECT Hour, TraceId, Verdict = 'anomalous' AS Anomalous FROM {new:Identifier}.anomaly_scores WHERE Verdict IN ('normal', 'anomalous')) AS b
    ON a.Hour = b.Hour AND a.TraceId = b.TraceId
