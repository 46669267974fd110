-- Grain: one row. Called by investigate.engine: how much traffic the window holds, and how much of it is anomalous.
SELECT
    count() AS Traces,
    countIf(RootKind != 'Internal') AS Asked,
    (
        SELECT countIf(Verdict = 'anomalous')
        FROM anomaly_scores
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    ) AS Anomalous,
    (
        SELECT countIf(Verdict = 'anomalous')
        FROM anomaly_scores
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND RootKind = 'Internal'
    ) AS Jobs
FROM trace_summaries
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
