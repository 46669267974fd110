-- Grain: a trace that must not be learned from. Called by detection.normal_centroid, into a staging table of such traces: traces of a service that behaved
-- (log templates and errors; what it did and called) in a way met at one or two times of the window only, and often then. What is normal, though rare, is
-- spread over time; what recurs, such as a nightly job, comes at more than two times. Slices of time without any visit by the same entry do not count.
INSERT INTO {stage:Identifier}
WITH
    entries AS
    (
        SELECT Entry, arraySort(groupUniqArray(Slice)) AS Slices
        FROM {visits:Identifier}
        GROUP BY Entry
    ),
    behaviors AS
    (
        SELECT Entry, Behavior, count() AS Visits, arraySort(groupUniqArray(Slice)) AS Slices
        FROM {visits:Identifier}
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
FROM {visits:Identifier}
WHERE (Entry, Conduct) IN (SELECT Entry, Behavior FROM bursts) OR (Entry, Calls) IN (SELECT Entry, Behavior FROM bursts)
