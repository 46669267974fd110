-- Grain: own work of an operation, or the way from a caller (Operation) to a service, that takes longer or comes more often than in quiet times.
-- Called by detection.error_patterns and detection.pattern_check. Quiet: the traces of the hours around that lie in no incident, thinned where there are very many.
-- Slow: share of the traces that reach what one in ten reaches in quiet times. More: share with more calls than one in twenty has. AddedMs: time above the usual mean, of all together.
WITH
    (
        SELECT groupArray((Start - INTERVAL 5 SECOND, End + INTERVAL 5 SECOND))
        FROM incidents
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 2 HOUR AND Hour <= toStartOfHour({end:DateTime64(3)})
    ) AS troubled,
    (
        SELECT greatest(1, intDiv(count(), 50000))
        FROM trace_summaries
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 1 HOUR AND Hour <= toStartOfHour({end:DateTime64(3)})
    ) AS thin,
    works AS
    (
        SELECT
            Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AS Inside,
            arrayJoin(arrayConcat(
                arrayMap(
                    (service, operation, calls, ns) -> ('latency', toString(service), toString(operation), calls, ns / calls / 1e6),
                    Self.Service, Self.Operation, Self.Calls, Self.Ns
                ),
                arrayMap(
                    (service, caller, calls, ns) -> ('network', toString(service), toString(caller), calls, ns / calls / 1e6),
                    Edge.Callee, Edge.Caller, Edge.Calls, Edge.GapNs
                )
            )) AS Work
        FROM trace_summaries
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 1 HOUR AND Hour <= toStartOfHour({end:DateTime64(3)})
            AND (Inside OR (cityHash64(TraceId) % thin = 0 AND NOT arrayExists(t -> Timestamp >= t.1 AND Timestamp < t.2, troubled)))
    ),
    usual AS
    (
        SELECT Work.1 AS Kind, Work.2 AS Service, Work.3 AS Operation, quantile(0.9)(Work.5) AS High, avg(Work.5) AS Mean, quantile(0.95)(Work.4) AS Many, avg(Work.4) AS Calls
        FROM works
        WHERE NOT Inside
        GROUP BY Kind, Service, Operation
        HAVING count() >= {least:UInt32}
    )
SELECT
    u.Kind AS Kind, u.Service AS Service, u.Operation AS Operation,
    count() AS Traces, avg(Work.5 > High) AS Slow, sum(Work.5 - Mean) AS AddedMs, avg(Work.4 > Many) AS More, avg(Work.4) / any(Calls) AS TimesMore
FROM works AS w
INNER JOIN usual AS u ON w.Work.1 = u.Kind AND w.Work.2 = u.Service AND w.Work.3 = u.Operation
WHERE Inside
GROUP BY Kind, Service, Operation
HAVING Traces >= {least:UInt32} AND (Slow >= {faint:Float64} OR More >= {faint:Float64})
ORDER BY AddedMs DESC, Kind, Service, Operation
