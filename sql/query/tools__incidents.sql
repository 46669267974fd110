-- Grain: an incident. Key: IncidentId. Called by tools.incidents: those that touch a window, the newest first; or the one whose id begins so.
SELECT
    IncidentId, Start, End, Open, Service, Title, Traces, Anomalous, Share, Operations, Ranking.Service AS Causes, Ranking.Confidence AS Confidence,
    Ranking.Why AS Why, Reasons.Service AS ReasonServices, Reasons.Operation AS ReasonOperations, Reasons.What AS Reasons,
    Reasons.Traces AS ReasonTraces, ExampleTraceIds, toString(PatternId) AS Pattern
FROM incidents
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 6 HOUR AND Hour <= {end:DateTime64(3)}
    AND Start < {end:DateTime64(3)} AND End >= {start:DateTime64(3)}
    AND ({service:String} = '' OR has(Ranking.Service, {service:String}))
    AND ({incident:String} = '' OR startsWith(IncidentId, {incident:String}))
ORDER BY Start DESC, IncidentId
LIMIT 200
