-- Grain: an incident that began in the hour. Key: IncidentId. Called by detection.error_patterns.
SELECT
    IncidentId, Start, End, Service, Title, `Reasons.Kind`, `Reasons.Service`, `Reasons.Operation`, `Reasons.What`, ExampleTraceIds,
    Templates, Shapes, PatternId
FROM incidents
WHERE Hour = {hour:DateTime}
ORDER BY Start, IncidentId
