-- Grain: window × callee × caller. Key: the same. Called by evaluation.plain_rca: mean ln of the time between caller and callee.
SELECT Window, Service, Part, avg(log(Ns / Calls + 200000)) AS Value
FROM
(
    SELECT
        arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
        Service, Part, Ns, Calls
    FROM trace_summaries
    ARRAY JOIN Edge.Callee AS Service, Edge.Caller AS Part, Edge.GapNs AS Ns, Edge.Calls AS Calls
)
WHERE Window > 0
GROUP BY Window, Service, Part
