-- Grain: window × service × log template. Key: the same. Called by evaluation.plain_rca: lines.
SELECT Window, Service, Part, sum(Lines) AS Value
FROM
(
    SELECT
        arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
        Service, toString(Id) AS Part, Lines
    FROM trace_summaries
    ARRAY JOIN Template.Service AS Service, Template.Id AS Id, Template.Count AS Lines
)
WHERE Window > 0
GROUP BY Window, Service, Part
