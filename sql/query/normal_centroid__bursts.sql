-- Grain: a trace that must not be learned from. Called by detection.normal_centroid, into the staging table of excluded traces: traces of a service that
-- went in a way met at one or two times of the window only, and often then. What is normal, though rare, is spread over time; what recurs, such as a
-- nightly job, comes at more than two times. Time is cut into slices; those without any visit by the same entry do not count.
INSERT INTO {stage:Identifier}
WITH
    visits AS
    (
        SELECT
            t.TraceId AS TraceId,
            intDiv(toUnixTimestamp(toDateTime(t.Timestamp)), {width:UInt32}) AS Slice,
            Service,
            cityHash64(otel_pipeline_entries_v1(Service, t.Edge.Operation, t.Edge.Callee, t.RootService, t.RootOperation), t.Environment) AS Entry,
            otel_pipeline_conduct_v1(
                Service, t.Template.Id, t.Template.Service, t.Template.Count, arrayZip(t.Error.Operation, t.Error.Type, t.Error.Origin), t.Error.Service
            ) AS Conduct
        FROM trace_summaries AS t
        ARRAY JOIN t.Services AS Service
        WHERE t.Complete
            AND t.Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))}))
            AND t.Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND arrayExists((a, b) -> t.Timestamp >= a AND t.Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
            AND cityHash64(t.TraceId) % {thin:UInt32} = 0
    ),
    entries AS
    (
        SELECT Service, Entry, arraySort(groupUniqArray(Slice)) AS Slices
        FROM visits
        GROUP BY Service, Entry
    ),
    ways AS
    (
        SELECT Service, Entry, Conduct, count() AS Visits, arraySort(groupUniqArray(Slice)) AS Slices
        FROM visits
        GROUP BY Service, Entry, Conduct
        HAVING Visits >= 4 AND Visits >= 2 * length(Slices)
    ),
    bursts AS
    (
        SELECT w.Service AS Service, w.Entry AS Entry, w.Conduct AS Conduct
        FROM ways AS w
        INNER JOIN entries AS e ON w.Service = e.Service AND w.Entry = e.Entry
        WHERE length(e.Slices) >= 10
            AND length(w.Slices) <= 0.15 * length(e.Slices)
            AND 1 + arrayCount(gap -> gap > 2, arrayDifference(arrayMap(s -> toInt64(indexOf(e.Slices, s)), w.Slices))) <= 2
    )
SELECT DISTINCT TraceId
FROM visits
WHERE (Service, Entry, Conduct) IN (SELECT Service, Entry, Conduct FROM bursts)
