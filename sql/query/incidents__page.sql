-- Grain: an incident of the hour or of the one before that is not over. Key: IncidentId. Called by the asset incidents, for its page.
SELECT
    IncidentId, Start, End, Open, Service, Title, Traces, Anomalous, Operations, Ranking.Service AS Causes, Ranking.Confidence AS Confidence,
    Ranking.Why AS Why, Reasons.Service AS ReasonServices, Reasons.What AS Reasons, Reasons.Traces AS ReasonTraces, ExampleTraceIds
FROM incidents
WHERE Hour = {hour:DateTime}
ORDER BY Start DESC, IncidentId
LIMIT 20
