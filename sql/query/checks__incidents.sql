-- Grain: one row. Called by the check of incidents: incidents of the hour, and those with example traces that are neither anomalous in the table of scores
-- nor unusual (which those of a shift of nearly all traffic are); but those that the behavior of a service, or its log lines, showed need no such traces.
SELECT
    count() AS Incidents,
    countIf(Source = 'traces' AND NOT hasAll((SELECT groupArray(TraceId) FROM anomaly_scores
        WHERE Hour >= {hour:DateTime} AND Hour <= {hour:DateTime} + INTERVAL 1 HOUR
            AND TraceId IN (SELECT arrayJoin(ExampleTraceIds) FROM incidents WHERE Hour = {hour:DateTime})
            AND (Verdict = 'anomalous' OR greatest(Conduct, Errors, Latency) >= {unusual:Float64})), ExampleTraceIds)) AS Unfounded,
    uniqExact(IncidentId) AS Ids
FROM incidents
WHERE Hour = {hour:DateTime}
