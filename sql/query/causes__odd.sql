-- Grain: window × services with odd visits × calls between services × calls that did not get there: a kind of trace. Called by detection.oddities, which
-- blames the deepest. keys, slow: entries of services and the ln of own work from which a visit there is slow; odd: the patterns that are more frequent in
-- their window than elsewhere; all by the keys of causes__patterns.
-- Missed: (caller with an odd visit, service that does not appear in the trace, but that a line about the trouble names, and that the caller calls at
-- other times).
-- Waits: visits that called a service with an odd visit: (keys of their entries, how many, sum of their own work).
-- All in one pass over the visits: to work them out costs most of it, and a common table expression would be worked out at each mention.
SELECT
    Window,
    Services,
    TraceCalls,
    arraySort(arrayFilter(
        call -> has(Services, call.1) AND has({calls:Array(Tuple(String, String))}, call) AND NOT has(TraceCalls.2, call.2), n.Calls
    )) AS Missed,
    count() AS Traces,
    sumMap(Waiting.1, Waiting.2, Waiting.3) AS Waits
FROM
(
    SELECT
        Window,
        TraceId,
        arraySort(any(CallsOfTrace)) AS TraceCalls,
        arraySort(groupArrayIf(Service, IsOdd)) AS Services,
        groupArray((Key, Own, Service)) AS Visits,
        arrayFilter(v -> arrayExists(call -> call.1 = v.3 AND has(Services, call.2), TraceCalls), Visits) AS Waited,
        (Waited.1, arrayMap(v -> 1, Waited), Waited.2) AS Waiting
    FROM
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            TraceId,
            Service,
            cityHash64(Entries) AS Entry,
            cityHash64(Service, Entry) AS Key,
            log(OwnNs / Calls + 200000) AS Own,
            TraceCalls AS CallsOfTrace,
            cityHash64(Window, Service, Entry, cityHash64(Conduct, Own > transform(Key, {keys:Array(UInt64)}, {slow:Array(Float64)}, inf)))
                IN {odd:Array(UInt64)} AS IsOdd
        FROM service_visits
        WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND Window > 0
    )
    GROUP BY Window, TraceId
    HAVING notEmpty(Services)
) AS o
LEFT JOIN
(
    SELECT TraceId, groupUniqArray((toString(ServiceName), Named)) AS Calls
    FROM otel_logs
    ARRAY JOIN arrayFilter(
        (name, place) -> place > 0
            AND NOT match(substring(Body, place + length(name), 1), '[A-Za-z0-9_-]')
            AND NOT match(if(place > 1, substring(Body, place - 1, 1), ' '), '[A-Za-z0-9_-]'),
        {callees:Array(String)}, arrayMap(name -> position(Body, name), {callees:Array(String)})
    ) AS Named
    WHERE Timestamp >= arrayMin({starts:Array(DateTime64(3))}) AND Timestamp < arrayMax({ends:Array(DateTime64(3))}) + INTERVAL 1 MINUTE
        AND otel_pipeline_severity_v2(SeverityText, SeverityNumber) IN ('WARN', 'ERROR', 'FATAL')
        AND TraceId != ''
    GROUP BY TraceId
) AS n ON o.TraceId = n.TraceId
GROUP BY Window, Services, TraceCalls, Missed
