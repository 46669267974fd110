-- Grain: reason of one trace. Key: the row. Called by investigate.odd: what is odd about the trace, where, observed and expected; the most surprising first.
SELECT Verdict, Score, Reason.1 AS Kind, Reason.2 AS Service, Reason.3 AS Operation, Reason.4 AS What, Reason.5 AS Observed, Reason.6 AS Expected
FROM anomaly_scores
ARRAY JOIN arrayZip(Reasons.Kind, Reasons.Service, Reasons.Operation, Reasons.What, Reasons.Observed, Reasons.Expected, Reasons.Surprise) AS Reason
WHERE TraceId = {trace:String} AND Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
ORDER BY Reason.7 DESC, Service, Operation, What
LIMIT 8
