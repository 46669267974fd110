-- Grain: an incident that began in the hour. Key: IncidentId. Called by detection.error_patterns and evaluation.memory.
-- Versions: service.version of the blamed service in its example traces. Known: hash of what tells how it is matched: the incident itself, and how much of
-- the traffic after it there is, in quarters of an hour up to one, and then whether all of its hours; Matched: the same when it was last matched.
WITH (SELECT max(Timestamp) FROM trace_summaries WHERE Hour >= {hour:DateTime} AND Hour <= {hour:DateTime} + INTERVAL 2 HOUR) AS Newest
SELECT
    i.IncidentId AS IncidentId, Start, End, Service, Title, `Reasons.Kind`, `Reasons.Service`, `Reasons.Operation`, `Reasons.What`, `Reasons.Traces`, `Reasons.Surprise`, Anomalous, ExampleTraceIds,
    Templates, Shapes, PatternId, Open, Matched, arraySort(arrayDistinct(v.Found)) AS Versions,
    cityHash64(
        Start, End, Service, Title, Traces, Anomalous, MaxScore, Operations, ExampleTraceIds, Templates, Shapes,
        if(toStartOfHour(Newest) > toStartOfHour(End), 5, least(4, intDiv(dateDiff('second', End, Newest), 900)))
    ) AS Known
FROM incidents AS i
LEFT JOIN
(
    SELECT IncidentId, groupArrayIf(t.Versions[s.Service], t.Versions[s.Service] != '') AS Found
    FROM (SELECT IncidentId, toString(Service) AS Service, arrayJoin(ExampleTraceIds) AS TraceId FROM incidents WHERE Hour = {hour:DateTime}) AS s
    INNER JOIN
    (
        SELECT TraceId, Versions
        FROM trace_summaries
        WHERE Hour >= {hour:DateTime} - INTERVAL 1 HOUR AND Hour <= {hour:DateTime} + INTERVAL 2 HOUR
            AND TraceId IN (SELECT arrayJoin(ExampleTraceIds) FROM incidents WHERE Hour = {hour:DateTime})
    ) AS t ON t.TraceId = s.TraceId
    GROUP BY IncidentId
) AS v ON v.IncidentId = i.IncidentId
WHERE Hour = {hour:DateTime}
ORDER BY Start, IncidentId
