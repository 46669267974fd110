-- Grain: root service × environment × root operation × set of services × minute. Key: the same. Called by detection.signals.silence: how many traces of an operation there
-- were in a minute, in which these services took part; the minute in minutes since 1970. The operations with most traffic; the others of a service
-- together have the name ''.
WITH most AS
(
    SELECT RootService, RootOperation
    FROM trace_summaries
    WHERE Hour IN {hours:Array(DateTime)}
    GROUP BY RootService, RootOperation
    HAVING count() >= {least:UInt32}
    ORDER BY count() DESC, RootService, RootOperation
    LIMIT {most:UInt32}
)
SELECT Service, Environment, Operation, Parts, groupArray((M, N)) AS Course
FROM
(
    SELECT RootService AS Service, Environment, if((RootService, RootOperation) IN (most), RootOperation, '') AS Operation, any(Services) AS Parts, cityHash64(Services) AS Hash,
        toInt64(intDiv(toUnixTimestamp(toDateTime(Timestamp)), 60)) AS M, toInt64(count()) AS N
    FROM trace_summaries
    WHERE Hour IN {hours:Array(DateTime)}
    GROUP BY Service, Environment, Operation, Hash, M
)
GROUP BY Service, Environment, Operation, Parts
ORDER BY Service, Environment, Operation, Parts
