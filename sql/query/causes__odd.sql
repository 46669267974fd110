-- Grain: window × services with odd visits × calls between services: a kind of trace. Called by detection.causes, which blames the deepest.
-- odd: cityHash64(window, service, entry, pattern) of the patterns that are more frequent in their window than elsewhere.
WITH
    visits AS
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
    ),
    usual AS
    (
        SELECT Service, Entry, quantilesExact(0.5, 0.84, 0.99)(Own) AS Quantiles
        FROM visits
        WHERE Window > 1
        GROUP BY Service, Entry
    ),
    odd AS
    (
        SELECT
            v.Window AS Window,
            v.TraceId AS TraceId,
            arraySort(groupArray(v.Service)) AS Services,
            any(arraySort(v.TraceCalls)) AS TraceCalls
        FROM visits AS v
        LEFT JOIN usual AS u ON v.Service = u.Service AND v.Entry = u.Entry
        WHERE cityHash64(
            v.Window, v.Service, v.Entry,
            cityHash64(v.Conduct, notEmpty(u.Quantiles) AND v.Own > least(u.Quantiles[1] + {slow:Float64} * greatest(u.Quantiles[2] - u.Quantiles[1], {floor:Float64}), u.Quantiles[3] + {beyond:Float64}))
        ) IN {odd:Array(UInt64)}
        GROUP BY Window, TraceId
    )
SELECT Window, Services, TraceCalls, count() AS Traces
FROM odd
GROUP BY Window, Services, TraceCalls
