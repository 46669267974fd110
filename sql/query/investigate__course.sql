-- Grain: bin × service. Key: (Bin, Service). Called by investigate.onsets: visits, failed ones, ones whose own work or way was slower than nearly all
-- (quantile .95, by entry) of the reference windows, from some time before the trouble until its end. First window: that stretch.
WITH
    visits AS
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            Timestamp, Service, cityHash64(Entries) AS Entry, Failed, OwnNs / Calls AS Own, GapNs / Calls AS Gap
        FROM service_visits
        WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND Window > 0
    ),
    usual AS
    (
        SELECT Service, Entry, count() AS Known, quantileExact(0.95)(Own) AS SlowOwn, quantileExact(0.95)(Gap) AS SlowGap
        FROM visits
        WHERE Window > 1
        GROUP BY Service, Entry
    )
SELECT
    v.Service AS Service,
    toInt64(date_diff('millisecond', {starts:Array(DateTime64(3))}[1], v.Timestamp) / 1000 / {seconds:Float64}) AS Bin,
    countIf(v.Window = 1) AS Visits,
    countIf(v.Window = 1 AND v.Failed) AS Failed,
    countIf(v.Window = 1 AND u.Known >= 10 AND v.Own > 1.2 * u.SlowOwn + 1e6) AS Slow,
    countIf(v.Window = 1 AND u.Known >= 10 AND v.Gap > 1.2 * u.SlowGap + 1e6) AS Far,
    minIf(v.Timestamp, v.Window = 1 AND v.Failed) AS FirstFailed,
    minIf(v.Timestamp, v.Window = 1 AND v.Own > 1.2 * u.SlowOwn + 1e6) AS FirstSlow,
    minIf(v.Timestamp, v.Window = 1 AND v.Gap > 1.2 * u.SlowGap + 1e6) AS FirstFar
FROM visits AS v
LEFT JOIN usual AS u ON v.Service = u.Service AND v.Entry = u.Entry
WHERE v.Window = 1
GROUP BY Service, Bin
ORDER BY Service, Bin
