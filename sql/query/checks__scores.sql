-- Grain: one row. Called by the check of anomaly_scores: that each trace of the hour has one score, none from the future, none without saying why.
SELECT
    (SELECT count() FROM trace_summaries WHERE Hour = {hour:DateTime}) AS Traces,
    count() AS Scores,
    count() - uniqExact(TraceId) AS Twice,
    countIf(Verdict IN ('normal', 'anomalous') AND toUInt32(BaselineVersion) = 0) AS WithoutBaseline,
    countIf(Verdict IN ('normal', 'anomalous') AND BaselineVersion > Timestamp) AS FromTheFuture,
    countIf(Verdict = 'anomalous' AND empty(Reasons.Kind)) AS WithoutReason
FROM anomaly_scores
WHERE Hour = {hour:DateTime}
