-- Grain: one row. Called by investigate.gather: how much traffic the window holds, how much of it somebody asked for, and how much is anomalous. With a service
-- only traces in which it takes part.
SELECT
    count() AS Traces,
    countIf(RootKind != 'Internal') AS Asked,
    countIf(TraceId IN (
        SELECT TraceId
        FROM anomaly_scores
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Verdict = 'anomalous'
    ) AS Odd) AS Anomalous,
    countIf(Odd AND RootKind = 'Internal') AS Jobs
FROM trace_summaries
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    AND ({service:String} = '' OR has(Services, {service:String}))
