-- Grain: one row. Called by detection.anomaly_scores: the figures of an hour.
SELECT
    count() AS traces,
    countIf(Verdict = 'anomalous') AS anomalies,
    countIf(Verdict = 'no_baseline') AS no_baseline,
    countIf(Verdict = 'partial') AS partial_traces,
    if(traces = 0, 0, quantile(0.99)(Score)) AS p99_score,
    max(Score) AS max_score
FROM anomaly_scores
WHERE Hour = {hour:DateTime}
