-- Grain: a trace that must not be learned from. Called by detection.normal_centroid, into a staging table of such traces: those that hold a timed thing (own
-- work of an operation, time between caller and callee) in a stretch of time in which far too many of its times are among the longest of the window.
-- A stretch is 40 times of the thing, one after the other. Of 40 times, 36 are beyond the median, 25 beyond the upper quarter, 16 beyond the upper tenth or 10
-- beyond the upper 3 % by chance in less than one stretch of a million. Whole stretches are left out, so that the tail of those kept is as long as it was.
-- A thing that would lose more than half of its times has changed for good and loses none. Robust against faults in up to a third of the traces.
INSERT INTO {stage:Identifier}
WITH
    items AS
    (
        SELECT
            t.TraceId AS TraceId,
            t.Timestamp AS Timestamp,
            cityHash64(Kind, Service, Operation, t.Environment) AS Thing,
            AllNs / Calls AS Ns
        FROM trace_summaries AS t
        ARRAY JOIN
            arrayConcat(arrayWithConstant(length(t.Self.Service), 'self'), arrayWithConstant(length(t.Edge.Callee), 'network')) AS Kind,
            arrayConcat(t.Self.Service, t.Edge.Callee) AS Service,
            arrayConcat(t.Self.Operation, t.Edge.Caller) AS Operation,
            arrayConcat(t.Self.Ns, t.Edge.GapNs) AS AllNs,
            arrayConcat(t.Self.Calls, t.Edge.Calls) AS Calls
        WHERE t.Complete
            AND t.Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))}))
            AND t.Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND arrayExists((a, b) -> t.Timestamp >= a AND t.Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
            AND cityHash64(t.TraceId) % {thin:UInt32} = 0
    ),
    ranked AS
    (
        SELECT
            TraceId,
            Thing,
            count() OVER (PARTITION BY Thing) AS Times,
            (rank() OVER (PARTITION BY Thing ORDER BY Ns) - 0.5) / Times AS Rank, -- of equal ones the lowest,
            least(intDiv(row_number() OVER (PARTITION BY Thing ORDER BY Timestamp, TraceId) - 1, 40), intDiv(Times, 40) - 1) AS Stretch
        FROM items
    ),
    stretches AS
    (
        SELECT Thing, Stretch, count() AS Length, any(Times) AS OfThing
        FROM ranked
        WHERE Times >= 120
        GROUP BY Thing, Stretch
        HAVING countIf(Rank > 0.5) >= 0.9 * Length OR countIf(Rank > 0.75) >= 0.625 * Length OR countIf(Rank > 0.9) >= 0.4 * Length
            OR countIf(Rank > 0.97) >= 0.25 * Length
    ),
    slow AS
    (
        SELECT Thing, Stretch
        FROM (SELECT *, sum(Length) OVER (PARTITION BY Thing) AS Lost FROM stretches)
        WHERE Lost <= OfThing / 2
    )
SELECT DISTINCT TraceId
FROM ranked
WHERE (Thing, Stretch) IN (SELECT Thing, Stretch FROM slow)
