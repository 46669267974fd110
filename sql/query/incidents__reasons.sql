-- Grain: a reason that recurs in the anomalous traces of an incident. Called by detection.incidents; the most frequent and surprising first.
SELECT
    r.Kind AS Kind,
    r.Service AS Service,
    r.Operation AS Operation,
    if(r.Kind = 'template', r.What, '') AS Template,
    if(r.Kind = 'template', if(t.Text = '', r.What, t.Text), r.What) AS What,
    uniqExact(r.TraceId) AS Traces,
    quantileExact(0.5)(r.Surprise) AS Surprise,
    quantileExact(0.5)(r.Observed) AS Observed,
    quantileExact(0.5)(r.Expected) AS Expected
FROM
(
    SELECT TraceId, Kind, Service, Operation, What, Observed, Expected, Surprise
    FROM anomaly_scores
    ARRAY JOIN Reasons.Kind AS Kind, Reasons.Service AS Service, Reasons.Operation AS Operation, Reasons.What AS What,
        Reasons.Observed AS Observed, Reasons.Expected AS Expected, Reasons.Surprise AS Surprise
    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= toStartOfHour({end:DateTime64(3)})
        AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
        AND Verdict = 'anomalous'
        AND (RootService, RootOperation) IN {operations:Array(Tuple(String, String))}
) AS r
LEFT ANY JOIN (SELECT toString(TemplateId) AS Id, Text FROM log_templates FINAL) AS t ON r.What = t.Id
GROUP BY Kind, Service, Operation, Template, What
ORDER BY Traces * Surprise DESC, Kind, Service, Operation, What
LIMIT 200
