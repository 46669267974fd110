-- Grain: service. Called by detection.staleness: service.version of each service in the traces of the hour.
SELECT toString(Service) AS Service, groupUniqArray(Version) AS Versions
FROM trace_summaries
ARRAY JOIN mapKeys(Versions) AS Service, mapValues(Versions) AS Version
WHERE Hour = {hour:DateTime} AND Version != ''
GROUP BY Service
