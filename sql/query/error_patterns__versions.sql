-- Grain: service. Called by detection.staleness: service.version of each service in the traces of the hour.
SELECT toString(Pair.1) AS Service, groupUniqArray(toString(Pair.2)) AS Running
FROM (SELECT arrayJoin(arrayZip(mapKeys(t.Versions), mapValues(t.Versions))) AS Pair FROM trace_summaries AS t WHERE t.Hour = {hour:DateTime})
WHERE Pair.2 != ''
GROUP BY Service
