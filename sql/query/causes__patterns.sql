-- Grain: window × service × entry × pattern of a visit. Key: the same. Called by detection.causes. Windows are numbered from 1.
-- Pattern: the conduct of the visit (otel_pipeline_conduct_v1), and whether its own work was slow, compared with all windows but the first, which is the one in question.
WITH
    visits AS
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            Service,
            cityHash64(Entries) AS Entry,
            Conduct,
            log(OwnNs / Calls + 200000) AS Own
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
    )
SELECT
    v.Window AS Window,
    v.Service AS Service,
    v.Entry AS Entry,
    cityHash64(v.Conduct, notEmpty(u.Quantiles) AND v.Own > least(u.Quantiles[1] + {slow:Float64} * greatest(u.Quantiles[2] - u.Quantiles[1], {floor:Float64}), u.Quantiles[3] + {beyond:Float64})) AS Pattern,
    count() AS Visits
FROM visits AS v
LEFT JOIN usual AS u ON v.Service = u.Service AND v.Entry = u.Entry
GROUP BY Window, Service, Entry, Pattern
