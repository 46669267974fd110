-- Grain: window × services with odd visits × calls between services: a kind of trace. Called by detection.causes, which blames the deepest.
-- keys, slow: entries of services and the ln of own work from which a visit there is slow; odd: the patterns that are more frequent in their window than
-- elsewhere; all by the keys of causes__patterns.
SELECT Window, Services, Calls AS TraceCalls, count() AS Traces
FROM
(
    SELECT Window, TraceId, arraySort(groupArray(Service)) AS Services, any(arraySort(TraceCalls)) AS Calls
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
    WHERE cityHash64(
        Window, Service, Entry,
        cityHash64(Conduct, Own > transform(cityHash64(Service, Entry), {keys:Array(UInt64)}, {slow:Array(Float64)}, inf))
    ) IN {odd:Array(UInt64)}
    GROUP BY Window, TraceId
)
GROUP BY Window, Services, TraceCalls
