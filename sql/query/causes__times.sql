-- Grain: window × service × entry. Key: the same. Called by detection.causes: own work of a visit, and its way to and from the caller, per call, as ln
-- of nanoseconds. Spreads: robust standard deviation over the visits of all windows but the first, which is the one in question.
WITH
    visits AS
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            Service,
            cityHash64(Entries) AS Entry,
            [log(OwnNs / Calls + 200000), log(GapNs / Calls + 200000)] AS Times
        FROM service_visits
        WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND Window > 0
    ),
    usual AS
    (
        SELECT
            Service,
            Entry,
            quantilesExact(0.16, 0.84)(Times[1]) AS Own,
            quantilesExact(0.16, 0.84)(Times[2]) AS Gap
        FROM visits
        WHERE Window > 1
        GROUP BY Service, Entry
    )
SELECT
    v.Window AS Window,
    v.Service AS Service,
    v.Entry AS Entry,
    count() AS Visits,
    avgForEach(v.Times) AS Means,
    any([u.Own[2] - u.Own[1], u.Gap[2] - u.Gap[1]] / 2) AS Spreads
FROM visits AS v
INNER JOIN usual AS u ON v.Service = u.Service AND v.Entry = u.Entry
GROUP BY Window, Service, Entry
