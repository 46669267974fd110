-- Grain: one row. Called by investigate.engine: how much traffic the window holds, how much of it somebody asked for, and how much is anomalous.
WITH
    (
        SELECT (countIf(Verdict = 'anomalous'), countIf(Verdict = 'anomalous' AND RootKind = 'Internal'))
        FROM anomaly_scores
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    ) AS Odd
SELECT count() AS Traces, countIf(RootKind != 'Internal') AS Asked, Odd.1 AS Anomalous, Odd.2 AS Jobs
FROM trace_summaries
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
