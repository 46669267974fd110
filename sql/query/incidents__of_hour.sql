-- Grain: an incident that began in the hour. Key: IncidentId. Called by detection.incidents.
SELECT IncidentId, Start, End, DetectedAt, Open, Service, Title, Anomalous, PatternId
FROM incidents
WHERE Hour = {hour:DateTime}
ORDER BY Start, IncidentId
