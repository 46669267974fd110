-- Grain: window × service × operation. Key: the same. Called by evaluation.plain_rca: mean ln of own time a call.
SELECT Window, Service, Part, avg(log(Ns / Calls + 200000)) AS Value
FROM
(
    SELECT
        arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
        Service, Part, Ns, Calls
    FROM trace_summaries
    ARRAY JOIN Self.Service AS Service, Self.Operation AS Part, Self.Ns AS Ns, Self.Calls AS Calls
)
WHERE Window > 0
GROUP BY Window, Service, Part
