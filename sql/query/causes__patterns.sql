-- Grain: window × service × entry × pattern of a visit. Key: the same. Called by detection.causes. Windows are numbered from 1.
-- Pattern: the conduct of the visit (otel_pipeline_conduct_v1), and whether its own work was slow: longer than SlowFrom, which is learned from all windows
-- but the first, the one in question. OwnSum: own work per call, as ln of nanoseconds; Spread: its robust standard deviation over the visits of all windows
-- but the first. Key and OddKey: by which causes__odd knows entry and pattern again.
SELECT
    Visit.1 AS Window,
    Service,
    Entry,
    cityHash64(Visit.2, Visit.3 > SlowFrom) AS Pattern,
    cityHash64(Service, Entry) AS Key,
    cityHash64(Window, Service, Entry, Pattern) AS OddKey,
    count() AS Visits,
    sum(Visit.3) AS OwnSum,
    any(Known) AS Usual,
    any(SlowFrom) AS Slow,
    any(OfVisit) AS Spread,
    any(Operations) AS EntryOperations
FROM
(
    SELECT
        Service,
        Entry,
        any(Entries) AS Operations,
        groupArray((Window, Conduct, Own)) AS Course,
        countIf(Window > 1) AS Known,
        quantilesExactIf(0.05, 0.16, 0.5, 0.84, 0.95, 0.99)(Own, Window > 1) AS Q,
        if(Known = 0, inf, least(Q[3] + {slow:Float64} * greatest(Q[4] - Q[3], {floor:Float64}), Q[6] + {beyond:Float64})) AS SlowFrom,
        if(Known = 0, 0., greatest((Q[4] - Q[2]) / 2, (Q[5] - Q[1]) / 3.29)) AS OfVisit
    FROM
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            Service,
            Entries,
            cityHash64(Entries) AS Entry,
            Conduct,
            log(OwnNs / Calls + 200000) AS Own
        FROM service_visits
        WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND Window > 0
    )
    GROUP BY Service, Entry
)
ARRAY JOIN Course AS Visit
GROUP BY Window, Service, Entry, Pattern
