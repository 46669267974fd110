-- Grain: window × service × entry. Key: the same. Called by detection.causes: visits that called a service with an odd visit, and the sum of their own work.
-- keys, slow, odd: see causes__odd.
SELECT Window, Service, Entry, count() AS Visits, sum(Own) AS OwnSum
FROM
(
    SELECT
        *,
        groupArrayIf(
            Service,
            cityHash64(
                Window, Service, Entry,
                cityHash64(Conduct, Own > transform(cityHash64(Service, Entry), {keys:Array(UInt64)}, {slow:Array(Float64)}, inf))
            ) IN {odd:Array(UInt64)}
        ) OVER (PARTITION BY TraceId) AS OddServices
    FROM
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            TraceId,
            Service,
            cityHash64(Entries) AS Entry,
            Conduct,
            log(OwnNs / Calls + 200000) AS Own,
            TraceCalls
        FROM service_visits
        WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND Window > 0
    )
)
WHERE notEmpty(OddServices) AND arrayExists(call -> call.1 = Service AND has(OddServices, call.2), TraceCalls)
GROUP BY Window, Service, Entry
