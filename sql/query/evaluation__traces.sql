-- Grain: a trace. Key: TraceId. Called by evaluation.detect: scores, and what labels need, in order of time.
SELECT s.TraceId AS TraceId, s.Timestamp AS Timestamp, s.Score AS Score, s.Verdict AS Verdict, t.Services AS Services
FROM anomaly_scores AS s
INNER JOIN (SELECT TraceId, Services FROM trace_summaries) AS t ON s.TraceId = t.TraceId
ORDER BY Timestamp, TraceId
