-- Grain: an incident that began in the hour. Key: IncidentId. Called by detection.incidents.
SELECT * EXCEPT (WrittenAt)
FROM incidents
WHERE Hour = {hour:DateTime}
ORDER BY Start, IncidentId
