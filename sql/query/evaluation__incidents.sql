-- Grain: an incident. Key: IncidentId. Called by evaluation.shop.
SELECT IncidentId, Start, End, Service, Title, Anomalous, DetectedAt
FROM incidents
ORDER BY Start, IncidentId
