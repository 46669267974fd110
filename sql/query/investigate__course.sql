-- Grain: bin × service. Key: (Bin, Service). Called by investigate.onsets: visits, failed ones, ones whose own work or way was slower than nearly all
-- (quantile .95, by entry) of the reference windows, from some time before the trouble until its end. First window: that stretch.
SELECT
    Service,
    toInt64(date_diff('millisecond', {starts:Array(DateTime64(3))}[1], Visit.1) / 1000 / {seconds:Float64}) AS Bin,
    count() AS Visits,
    countIf(Visit.2) AS Failed,
    countIf(Known >= 10 AND Visit.3 > SlowOwn) AS Slow,
    countIf(Known >= 10 AND Visit.4 > SlowGap) AS Far,
    minIf(Visit.1, Visit.2) AS FirstFailed,
    minIf(Visit.1, Visit.3 > SlowOwn) AS FirstSlow,
    minIf(Visit.1, Visit.4 > SlowGap) AS FirstFar
FROM
(
    SELECT
        Service,
        groupArrayIf((Timestamp, Failed, Own, Gap), Window = 1) AS Course,
        countIf(Window > 1) AS Known,
        if(Known = 0, 0, 1.2 * quantileExactIf(0.95)(Own, Window > 1)) + 1e6 AS SlowOwn,
        if(Known = 0, 0, 1.2 * quantileExactIf(0.95)(Gap, Window > 1)) + 1e6 AS SlowGap
    FROM
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            Timestamp, Service, cityHash64(Entries) AS Entry, Failed, OwnNs / Calls AS Own, GapNs / Calls AS Gap
        FROM service_visits
        WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND Window > 0
    )
    GROUP BY Service, Entry
)
ARRAY JOIN Course AS Visit
GROUP BY Service, Bin
ORDER BY Service, Bin
