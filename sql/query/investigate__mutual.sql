-- Grain: pair of services, the first by name or both the same. Key: (A, B). Called by investigate.mutual: traces of the first window in which both behave
-- badly, and of a single service all in which it does, and when the first and the last began. A service behaves badly where an error begins at it, or at
-- who calls it in vain, or where its own work or the network time to it is longer than nearly all (quantile .95, by entry) of the other windows.
WITH
    visits AS
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            TraceId, Timestamp, toString(Service) AS Service, cityHash64(Entries) AS Entry, OwnNs / Calls AS Own, GapNs / Calls AS Gap
        FROM service_visits
        WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND Window > 0 AND Service IN {services:Array(String)}
    ),
    bad AS
    (
        SELECT TraceId, Service, min(At) AS At
        FROM
        (
            SELECT TraceId, Service, Timestamp AS At
            FROM visits AS v
            INNER JOIN
            (
                SELECT Service, Entry, 1.2 * quantileExact(0.95)(Own) + 1e6 AS SlowOwn, 1.2 * quantileExact(0.95)(Gap) + 1e6 AS SlowGap
                FROM visits
                WHERE Window > 1
                GROUP BY Service, Entry
                HAVING count() >= 10
            ) AS q ON v.Service = q.Service AND v.Entry = q.Entry
            WHERE v.Window = 1 AND (v.Own > q.SlowOwn OR v.Gap > q.SlowGap)
            UNION ALL
            SELECT TraceId, At.1, At.2
            FROM
            (
                SELECT TraceId, arrayJoin(arrayMap(s -> (s, Timestamp), arrayDistinct(arrayConcat(
                    arrayFilter((s, origin) -> origin, arrayMap(s -> toString(s), Error.Service), Error.Origin),
                    arrayFilter((s, origin) -> origin AND s != '', arrayMap(s -> toString(s), Error.Peer), Error.Origin),
                    arrayFilter((s, severity) -> severity >= 17 AND NOT has(Error.Service, s), arrayMap(s -> toString(s), Template.Service), Template.Severity)
                )))) AS At
                FROM trace_summaries
                WHERE Hour >= toStartOfHour({starts:Array(DateTime64(3))}[1]) AND Hour <= {ends:Array(DateTime64(3))}[1]
                    AND Timestamp >= {starts:Array(DateTime64(3))}[1] AND Timestamp < {ends:Array(DateTime64(3))}[1]
            )
            WHERE At.1 IN {services:Array(String)}
        )
        GROUP BY TraceId, Service
    )
SELECT one.Service AS A, other.Service AS B, count() AS Traces, min(one.At) AS First, max(one.At) AS Last
FROM bad AS one
INNER JOIN bad AS other ON one.TraceId = other.TraceId
WHERE one.Service <= other.Service
GROUP BY A, B
ORDER BY A, B
