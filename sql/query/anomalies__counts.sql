-- Grain: one row. Called by investigate.anomalies.
SELECT
    count() AS Traces,
    countIf(Verdict = 'anomalous') AS Anomalous,
    countIf(Verdict = 'no_baseline') AS NoBaseline,
    countIf(Verdict = 'partial') AS Partial
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
