-- Grain: one row. Called by the check of incidents: incidents of the hour, and those whose example traces are not anomalous in the table of scores.
SELECT
    count() AS Incidents,
    countIf(NOT hasAll((SELECT groupArray(TraceId) FROM anomaly_scores
        WHERE Verdict = 'anomalous' AND Hour >= {hour:DateTime} AND Hour <= {hour:DateTime} + INTERVAL 1 HOUR), ExampleTraceIds)) AS Unfounded,
    uniqExact(IncidentId) AS Ids
FROM incidents
WHERE Hour = {hour:DateTime}
