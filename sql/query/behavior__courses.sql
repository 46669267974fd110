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
        Service,
        Classes[Place] AS Class,
        Kind,
        Part,
        count() AS Traces,
        sum(Value) AS Total,
        sum(Value * Value) AS Square,
        sum(toFloat64(N)) AS Often,
        sumMapIf([toInt16(floor(Value * 5))], [toUInt32(1)], Value > 0) AS Histogram
    FROM
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            Visits.Entry AS Classes,
            length(Services) AS Known,
            -- by service what it ran (1) and whom it called (2), each once and in order; 0 where its part begins
            arraySplit(x -> x.2 = 0, arraySort(arrayDistinct(arrayFilter(x -> x.1 <= Known, arrayZip(
                arrayEnumerateDense(arrayConcat(Services, Self.Service, Edge.Caller)),
                arrayConcat(arrayWithConstant(Known, 0), arrayWithConstant(length(Self.Service), 1), arrayWithConstant(length(Edge.Caller), 2)),
                arrayConcat(arrayWithConstant(Known, ''), Self.Operation, Edge.Callee)
            ))))) AS Forms,
            arrayFilter((s, o) -> o, Error.Service, Error.Origin) AS Failing,
            arrayConcat(Services, Services, Self.Service, Edge.Callee, Edge.Caller, Failing, Template.Service) AS Owners,
            arrayConcat(
                arrayWithConstant(Known, 'visits'), arrayWithConstant(Known, 'form'), arrayWithConstant(length(Self.Service), 'self'),
                arrayWithConstant(length(Edge.Callee), 'gap'), arrayWithConstant(length(Edge.Callee), 'calls'), arrayWithConstant(length(Failing), 'error'),
                arrayWithConstant(length(Template.Id), 'lines')
            ) AS Kinds,
            arrayConcat(
                arrayWithConstant(Known, ''), arrayMap(form -> toString(cityHash64(form.2, form.3)), Forms), Self.Operation, Edge.Caller, Edge.Callee,
                arrayFilter((e, o) -> o, Error.Type, Error.Origin), arrayMap(t -> toString(t), Template.Id)
            ) AS Parts,
            arrayConcat(
                arrayWithConstant(2 * Known, 0.), arrayMap((n, ns) -> log(ns / greatest(n, 1) + 200000), Self.Calls, Self.Ns),
                arrayMap((n, ns) -> log(ns / greatest(n, 1) + 200000), Edge.Calls, Edge.GapNs),
                arrayWithConstant(length(Edge.Callee) + length(Failing) + length(Template.Id), 0.)
            ) AS Values,
            arrayConcat(
                arrayMap(s -> greatest(1, arraySum((n, c) -> if(c = s, n, 0), Edge.Calls, Edge.Callee) + (s = RootService)), Services), arrayWithConstant(Known, 1),
                Self.Calls, Edge.Calls, Edge.Calls, arrayFilter((n, o) -> o, Error.Count, Error.Origin), Template.Count
            ) AS Counts
        FROM trace_summaries
        WHERE Hour IN {hours:Array(DateTime)} AND Window > 0
    )
    ARRAY JOIN Owners AS Service, arrayEnumerateDense(Owners) AS Place, Kinds AS Kind, Parts AS Part, Values AS Value, Counts AS N
    WHERE Place <= Known
    GROUP BY Window, Service, Class, Kind, Part
)
GROUP BY Service, Class, Kind, Part
