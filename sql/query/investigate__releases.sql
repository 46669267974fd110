-- Grain: entry × version of one service. Key: (Entry, Version). Called by investigate.releases: visits, failed ones, median and MAD of ln(own work per call).
SELECT
    arrayStringConcat(Entries, ', ') AS Entry,
    Version,
    count() AS Visits,
    countIf(Failed) AS Failed,
    quantileExact(0.5)(log(OwnNs / Calls + 200000)) AS Middle,
    arrayReduce('quantileExact(0.5)', arrayMap(own -> abs(own - Middle), groupArray(20000)(log(OwnNs / Calls + 200000)))) AS Deviation
FROM service_visits
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    AND Service = {service:String} AND Version IN {versions:Array(String)}
GROUP BY Entry, Version
HAVING Visits >= 10
ORDER BY Entry, Version
