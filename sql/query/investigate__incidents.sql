-- Grain: an incident that touches the window. Key: IncidentId. Called by investigate.engine; the clearest first.
SELECT IncidentId, Start, End, Service, Title, Anomalous, Traces, Ranking.Service AS Services, Surprise, Operations,
    ExampleTraceIds AS Examples
FROM incidents
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 6 HOUR AND Hour <= {end:DateTime64(3)}
    AND Start < {end:DateTime64(3)} AND End >= {start:DateTime64(3)}
    AND ({service:String} = '' OR has(Ranking.Service, {service:String}))
ORDER BY Surprise DESC, Start
