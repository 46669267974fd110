-- Grain: service × class of its visits × kind of behavior × part of it. Key: the same. Called by detection.behavior. Windows are numbered from 1.
-- A visit is what a service does within a trace; its class are its environment and the operations by which it was entered (trace_summaries.Visits.Entry).
-- Kinds: visits (Times: how often it was entered), self (Value: ln of self time per call in ns, Times: spans of the operation), gap (Part: the caller; Value: ln
-- of the network gap per call), calls (Part: the callee; Times: calls to it), form (Part: hash of the operations that it ran and the services that it called),
-- error (Part: type; Times: errors that began there), lines (Part: log template).
-- Arrays by window: Traces that show it, sum of Value (Totals) and of its Squares, sum of Times; and a histogram of Value with bins a fifth of an ln wide.
SELECT
    Service,
    Class,
    Kind,
    Part,
    groupArray(Window) AS Windows,
    groupArray(Traces) AS Traces,
    groupArray(Total) AS Totals,
    groupArray(Square) AS Squares,
    groupArray(Often) AS Times,
    groupArrayArray(arrayMap(b -> Window, Histogram.1)) AS BinWindows,
    groupArrayArray(Histogram.1) AS Bins,
    groupArrayArray(Histogram.2) AS BinTraces
FROM
(
    SELECT
        Window,
        Row.1 AS Service,
        Row.2 AS Class,
        Row.3 AS Kind,
        Row.4 AS Part,
        count() AS Traces,
        sum(Row.5) AS Total,
        sum(Row.5 * Row.5) AS Square,
        sum(Row.6) AS Often,
        sumMapIf([toInt16(floor(Row.5 * 5))], [toUInt32(1)], Row.5 > 0) AS Histogram
    FROM
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            arrayMap(s -> toString(s), Services) AS Names,
            Visits.Entry AS Classes,
            arrayMap(s -> greatest(1, arraySum((n, c) -> if(c = s, n, 0), Edge.Calls, Edge.Callee) + (s = RootService)), Services) AS Entries,
            arrayMap((s, o, n, ns) -> (toString(s), 'self', toString(o), log(ns / greatest(n, 1) + 200000), toFloat64(n)),
                Self.Service, Self.Operation, Self.Calls, Self.Ns) AS Selves,
            arrayMap((a, b, n, ns) -> (toString(b), 'gap', toString(a), log(ns / greatest(n, 1) + 200000), toFloat64(n)),
                Edge.Caller, Edge.Callee, Edge.Calls, Edge.GapNs) AS Gaps,
            arrayMap((a, b, n) -> (toString(a), 'calls', toString(b), 0., toFloat64(n)), Edge.Caller, Edge.Callee, Edge.Calls) AS Calls,
            arrayMap((s, e, n) -> (toString(s), 'error', toString(e), 0., toFloat64(n)),
                arrayFilter((s, o) -> o, Error.Service, Error.Origin), arrayFilter((e, o) -> o, Error.Type, Error.Origin),
                arrayFilter((n, o) -> o, Error.Count, Error.Origin)) AS Errors,
            arrayMap(name -> (name, 'form', toString(cityHash64(
                arraySort(arrayFilter((o, s) -> s = name, Self.Operation, Self.Service)),
                arraySort(arrayDistinct(arrayFilter((b, a) -> a = name, Edge.Callee, Edge.Caller)))
            )), 0., 1.), Names) AS Forms,
            arrayMap((s, t, n) -> (toString(s), 'lines', toString(t), 0., toFloat64(n)), Template.Service, Template.Id, Template.Count) AS Lines,
            arrayJoin(arrayConcat(
                arrayMap((s, c, n) -> (s, c, 'visits', '', 0., toFloat64(n)), Names, Classes, Entries),
                arrayMap(r -> (r.1, Classes[indexOf(Names, r.1)], r.2, r.3, r.4, r.5), arrayFilter(r -> has(Names, r.1), arrayConcat(Selves, Gaps, Calls, Errors, Forms, Lines)))
            )) AS Row
        FROM trace_summaries
        WHERE Hour IN {hours:Array(DateTime)} AND Window > 0
    )
    GROUP BY Window, Service, Class, Kind, Part
)
GROUP BY Service, Class, Kind, Part
