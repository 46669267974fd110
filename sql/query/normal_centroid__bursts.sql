-- Grain: a trace that must not be learned from. Called by detection.normal_centroid, into a staging table of such traces: traces of a service that behaved
-- (log templates and errors; what it did and called) in a way met at one or two times of the window only, and often then. What is normal, though rare, is
-- spread over time; what recurs, such as a nightly job, comes at more than two times. Time is cut into slices of so many seconds (width); those without any
-- visit by the same entry do not count.
INSERT INTO {stage:Identifier}
WITH
    visits AS
    (
        SELECT TraceId, intDiv(toUnixTimestamp(toDateTime(Timestamp)), {width:UInt32}) AS Slice, cityHash64(Service, Visit.Entry) AS Entry, Visit.Conduct AS Conduct, Visit.Calls AS Calls
        FROM trace_summaries
        ARRAY JOIN Services AS Service, Visits AS Visit
        WHERE Complete
            AND Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))}))
            AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND arrayExists((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
            AND cityHash64(TraceId) % {thin:UInt32} = 0
    ),
    entries AS
    (
        SELECT Entry, arraySort(groupUniqArray(Slice)) AS Slices
        FROM visits
        GROUP BY Entry
    ),
    behaviors AS
    (
        SELECT Entry, Behavior, count() AS Visits, arraySort(groupUniqArray(Slice)) AS Slices
        FROM visits
        ARRAY JOIN [Conduct, Calls] AS Behavior
        GROUP BY Entry, Behavior
        HAVING Visits >= 4 AND Visits >= 2 * length(Slices)
    ),
    bursts AS
    (
        SELECT b.Entry AS Entry, b.Behavior AS Behavior
        FROM behaviors AS b
        INNER JOIN entries AS e ON b.Entry = e.Entry
        WHERE length(e.Slices) >= 10
            AND length(b.Slices) <= 0.15 * length(e.Slices)
            AND 1 + arrayCount(gap -> gap > 2, arrayDifference(arrayMap(s -> toInt64(indexOf(e.Slices, s)), b.Slices))) <= 2
    )
SELECT DISTINCT TraceId
FROM visits
ARRAY JOIN [Conduct, Calls] AS Behavior
WHERE (Entry, Behavior) IN (SELECT Entry, Behavior FROM bursts)
