-- Grain: an anomalous trace. Key: TraceId. Called by investigate.anomalies; the worst first, log templates in words.
WITH (SELECT mapFromArrays(groupArray(toString(TemplateId)), groupArray(Text)) FROM log_templates FINAL) AS Texts
SELECT
    TraceId, Timestamp, RootService, RootOperation, Score, Duration, Suspect, BaselineVersion,
    arrayMap(
        (kind, service, operation, what, observed, expected, surprise) ->
            (kind, service, operation, if(kind = 'template' AND Texts[what] != '', Texts[what], what), observed, expected, surprise),
        Reasons.Kind, Reasons.Service, Reasons.Operation, Reasons.What, Reasons.Observed, Reasons.Expected, Reasons.Surprise
    ) AS Reasons
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Verdict = 'anomalous'
    AND ({service:String} = '' OR has(Reasons.Service, {service:String}))
ORDER BY Score DESC, Timestamp, TraceId
LIMIT {limit:UInt32}
