-- Grain: caller × callee × operation called. Key: the same. Called by detection.causes: the time between the spans of caller and callee per call, as ln of
-- nanoseconds. Course: (window, calls, mean); Spread: robust standard deviation of a call, over all windows but the first.
WITH calls AS
(
    SELECT
        arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
        Caller,
        Callee,
        Operation,
        log(Ns / N + 200000) AS Time
    FROM trace_summaries
    ARRAY JOIN Edge.Caller AS Caller, Edge.Callee AS Callee, Edge.Operation AS Operation, Edge.GapNs AS Ns, Edge.Calls AS N
    WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
        AND Window > 0
)
SELECT
    Caller,
    Callee,
    Operation,
    groupArray((Window, N, Mean)) AS Course,
    any(Spread) AS Spread
FROM
(
    SELECT Caller, Callee, Operation, Window, count() AS N, avg(Time) AS Mean
    FROM calls
    GROUP BY Caller, Callee, Operation, Window
) AS c
INNER JOIN
(
    SELECT Caller, Callee, Operation, quantilesExact(0.05, 0.16, 0.84, 0.95)(Time) AS Q, greatest((Q[3] - Q[2]) / 2, (Q[4] - Q[1]) / 3.29) AS Spread
    FROM calls
    WHERE Window > 1
    GROUP BY Caller, Callee, Operation
) AS u ON c.Caller = u.Caller AND c.Callee = u.Callee AND c.Operation = u.Operation
GROUP BY Caller, Callee, Operation
