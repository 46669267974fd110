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
            Kind, Service, Operation, Calls, Ns / Calls / 1e6 AS Ms
        FROM trace_summaries
        ARRAY JOIN
            arrayConcat(arrayWithConstant(length(Self.Service), 'latency'), arrayWithConstant(length(Edge.Callee), 'network')) AS Kind,
            arrayConcat(Self.Service, Edge.Callee) AS Service,
            arrayConcat(Self.Operation, Edge.Caller) AS Operation,
            arrayConcat(Self.Calls, Edge.Calls) AS Calls,
            arrayConcat(Self.Ns, Edge.GapNs) AS Ns
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 1 HOUR AND Hour <= toStartOfHour({end:DateTime64(3)})
            AND (Inside OR (cityHash64(TraceId) % thin = 0 AND NOT arrayExists(t -> Timestamp >= t.1 AND Timestamp < t.2, troubled)))
    ),
    usual AS
    (
        SELECT Kind, Service, Operation, quantile(0.9)(Ms) AS High, avg(Ms) AS Mean, quantile(0.95)(Calls) AS Many, avg(Calls) AS Times
        FROM works
        WHERE NOT Inside
        GROUP BY Kind, Service, Operation
        HAVING count() >= {least:UInt32}
    )
SELECT
    u.Kind AS Kind, u.Service AS Service, u.Operation AS Operation,
    count() AS Traces, avg(w.Ms > u.High) AS Slow, sum(w.Ms - u.Mean) AS AddedMs, avg(w.Calls > u.Many) AS More, avg(w.Calls) / any(u.Times) AS TimesMore
FROM works AS w
INNER JOIN usual AS u ON w.Kind = u.Kind AND w.Service = u.Service AND w.Operation = u.Operation
WHERE Inside
GROUP BY Kind, Service, Operation
HAVING Traces >= {least:UInt32} AND (Slow >= {faint:Float64} OR More >= {faint:Float64})
ORDER BY AddedMs DESC, Kind, Service, Operation
