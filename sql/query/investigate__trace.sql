-- Grain: a trace. Key: TraceId. Called by investigate.engine: when it began, its root operation, whether it was judged anomalous and at which services.
SELECT s.Timestamp AS Timestamp, concat(s.RootService, ':', s.RootOperation) AS Operation, a.Verdict AS Verdict, a.Services AS Services
FROM trace_summaries AS s
LEFT ANY JOIN
(
    SELECT TraceId, Verdict, arrayDistinct(Reasons.Service) AS Services
    FROM anomaly_scores
    WHERE TraceId = {trace:String} AND Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    ORDER BY BaselineVersion DESC
) AS a ON s.TraceId = a.TraceId
WHERE s.TraceId = {trace:String} AND s.Hour >= toStartOfHour({start:DateTime64(3)}) AND s.Hour <= {end:DateTime64(3)}
