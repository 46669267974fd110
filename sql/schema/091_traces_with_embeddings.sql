-- Grain: trace × embedding model. The name and columns of the original plan: each trace with the vector of its shape and its verdict.
-- Filter by embedding_model where there is more than one. Reads trace_summaries, embeddings, anomaly_scores.
CREATE OR REPLACE VIEW traces_with_embeddings ${ON_CLUSTER} AS
SELECT
    s.TraceId AS TraceId,
    s.Timestamp AS Timestamp,
    s.RootService AS ServiceName,
    s.span_sequence AS span_sequence,
    toInt64(s.Duration) AS total_duration,
    s.SpanCount AS span_count,
    s.ErrorCount AS error_count,
    e.Vector AS embedding,
    toUInt8(a.Verdict = 'anomalous') AS is_anomaly,
    if(a.Verdict = 'anomalous', a.Kind, '') AS anomaly_type,
    e.Model AS embedding_model
FROM trace_summaries AS s
INNER JOIN (SELECT TextHash, Vector, Model FROM embeddings FINAL) AS e ON e.TextHash = s.ShapeHash
LEFT JOIN
(
    SELECT
        Hour, TraceId, toString(Verdict) AS Verdict,
        toString(arrayElement(`Reasons.Kind`, indexOf(`Reasons.Surprise`, arrayMax(`Reasons.Surprise`)))) AS Kind
    FROM anomaly_scores
    WHERE anomaly_scores.Verdict = 'anomalous'
) AS a ON a.Hour = s.Hour AND a.TraceId = s.TraceId
