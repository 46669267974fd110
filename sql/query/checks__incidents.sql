-- Grain: one row. Called by the check of incidents: incidents of the hour, and those with example traces that are neither anomalous in the table of scores
-- nor unusual (which those of a shift of nearly all traffic are).
SELECT
    count() AS Incidents,
    countIf(NOT hasAll((SELECT groupArray(TraceId) FROM anomaly_scores
        WHERE Hour >= {hour:DateTime} AND Hour <= {hour:DateTime} + INTERVAL 1 HOUR
            AND TraceId IN (SELECT arrayJoin(ExampleTraceIds) FROM incidents WHERE Hour = {hour:DateTime})
            AND (Verdict = 'anomalous' OR greatest(Conduct, Errors, Latency) >= {unusual:Float64})), ExampleTraceIds)) AS Unfounded,
    uniqExact(IncidentId) AS Ids
FROM incidents
WHERE Hour = {hour:DateTime}
