-- Grain: a trace. Key: TraceId. Called by tools.traces: how detection judged it.
SELECT Verdict, Score, Suspect, Reasons.Service AS Services, Reasons.Operation AS Operations, Reasons.What AS What, BaselineVersion
FROM anomaly_scores
WHERE TraceId = {trace_id:String} AND Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 1 HOUR AND Hour <= {start:DateTime64(3)}
LIMIT 1
