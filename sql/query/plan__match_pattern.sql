-- Grain: a known error pattern, the nearest first. The original plan's query 5.3: what is known about errors like this, and what fixed them.
-- Parameters: query_embedding (of the error's text), embedding_model. As in the plan, `similarity` is a cosine distance.
SELECT
    ep.error_signature, ep.root_cause, ep.resolution, ep.occurrence_count, ep.Status,
    cosineDistance(ep.embedding, {query_embedding:Array(Float32)}) AS similarity
FROM error_patterns AS ep FINAL
WHERE ep.EmbeddingModel = {embedding_model:String} AND ep.Status != 'rejected' AND similarity < 0.25
ORDER BY similarity
LIMIT 5
