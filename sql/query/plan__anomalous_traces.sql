-- Grain: a trace of the last ten minutes, the strangest first. The original plan's query 5.2: distance to one centroid of normal traffic.
-- Parameter: embedding_model. Kept as the plan's method and as a baseline to beat; anomaly_scores is the detector.
WITH
    (
        SELECT avgForEach(embedding)
        FROM traces_with_embeddings
        WHERE is_anomaly = 0 AND embedding_model = {embedding_model:String}
    ) AS normal_centroid
SELECT TraceId, span_sequence, total_duration, error_count, cosineDistance(embedding, normal_centroid) AS anomaly_score
FROM traces_with_embeddings
WHERE Timestamp > now() - INTERVAL 10 MINUTE AND embedding_model = {embedding_model:String}
ORDER BY anomaly_score DESC, Timestamp DESC
LIMIT 20
