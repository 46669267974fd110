-- Grain: reason of one trace. Key: the row. Called by investigate.odd: what is odd about the trace, where, observed and expected; the most surprising first.
SELECT Verdict, Score, Kind, Service, Operation, if(Kind = 'template' AND t.Text != '', t.Text, Said) AS What, Observed, Expected
FROM
(
    SELECT
        Verdict, Score, Reason.1 AS Kind, Reason.2 AS Service, Reason.3 AS Operation, Reason.4 AS Said, Reason.5 AS Observed, Reason.6 AS Expected, Reason.7 AS Surprise
    FROM anomaly_scores
    ARRAY JOIN arrayZip(Reasons.Kind, Reasons.Service, Reasons.Operation, Reasons.What, Reasons.Observed, Reasons.Expected, Reasons.Surprise) AS Reason
    WHERE TraceId = {trace:String} AND Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    ORDER BY Surprise DESC, Service, Operation, Said
    LIMIT 8
) AS r
LEFT ANY JOIN (SELECT toString(TemplateId) AS Id, Text FROM log_templates FINAL) AS t ON r.Said = t.Id
ORDER BY Surprise DESC, Service, Operation, What
