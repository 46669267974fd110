-- Grain: a log line, the nearest first. The original plan's query 5.1: past errors like an error of the current trace.
-- Parameters: current_trace_id, embedding_model. Run by people and agents; see README. `otel-pipeline similar` answers the same question by template.
WITH
    (
        SELECT embedding
        FROM logs_with_embeddings
        WHERE TraceId = {current_trace_id:String} AND SeverityText IN ('ERROR', 'FATAL') AND embedding_model = {embedding_model:String}
        LIMIT 1
    ) AS current_error
SELECT l.Timestamp, l.ServiceName, l.Body, l.TraceId, cosineDistance(l.embedding, current_error) AS distance
FROM logs_with_embeddings AS l
WHERE l.SeverityText IN ('ERROR', 'FATAL')
    AND l.embedding_model = {embedding_model:String}
    AND l.Timestamp < now() - INTERVAL 1 HOUR
    AND distance < 0.3
ORDER BY distance, l.Timestamp DESC
LIMIT 10
