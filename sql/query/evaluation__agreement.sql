-- Grain: one row. Called by evaluation.compare: traces that two versions of the detector have judged, and how often they agree. Looks beyond the filter of
-- the connection.
SELECT
    count() AS both_judged,
    countIf(a.Anomalous AND b.Anomalous) AS both_anomalous,
    countIf(a.Anomalous AND NOT b.Anomalous) AS only_old,
    countIf(b.Anomalous AND NOT a.Anomalous) AS only_new
FROM (SELECT Hour, TraceId, Verdict = 'anomalous' AS Anomalous FROM anomaly_scores WHERE Detector = {old:String} AND Verdict IN ('normal', 'anomalous')) AS a
INNER JOIN (SELECT Hour, TraceId, Verdict = 'anomalous' AS Anomalous FROM anomaly_scores WHERE Detector = {new:String} AND Verdict IN ('normal', 'anomalous')) AS b
    ON a.Hour = b.Hour AND a.TraceId = b.TraceId
SETTINGS additional_table_filters = {}
