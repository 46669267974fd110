-- Grain: root operation × caller × callee. Key: the same. Called by investigate.changes: calls of one service to another in the first window and in the others,
-- and traces of the root operation in which the caller took part, whether it called or not.
WITH arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window
SELECT
    concat(RootService, ' ', RootOperation) AS Root, c.Caller AS Caller, c.Callee AS Callee, CallsNow, CallsBefore, v.TracesNow AS TracesNow,
    v.TracesBefore AS TracesBefore
FROM
(
    SELECT RootService, RootOperation, Call.1 AS Caller, Call.2 AS Callee, sumIf(Call.3, Window = 1) AS CallsNow, sumIf(Call.3, Window > 1) AS CallsBefore
    FROM trace_summaries
    ARRAY JOIN arrayZip(Edge.Caller, Edge.Callee, Edge.Calls) AS Call
    WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))})) AND Window > 0
    GROUP BY RootService, RootOperation, Caller, Callee
) AS c
INNER JOIN
(
    SELECT RootService, RootOperation, Service, countIf(Window = 1) AS TracesNow, countIf(Window > 1) AS TracesBefore
    FROM trace_summaries
    ARRAY JOIN Services AS Service
    WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))})) AND Window > 0
    GROUP BY RootService, RootOperation, Service
) AS v ON c.RootService = v.RootService AND c.RootOperation = v.RootOperation AND c.Caller = v.Service
WHERE TracesNow >= 20 AND TracesBefore >= 20
ORDER BY Caller, Callee, Root
