-- Grain: window × service. Key: the same. Called by evaluation.plain_rca.
SELECT Window, Service, count() AS Visits
FROM
(
    SELECT arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window, Service
    FROM trace_summaries
    ARRAY JOIN Services AS Service
)
WHERE Window > 0
GROUP BY Window, Service
