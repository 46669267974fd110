-- Grain: a known error pattern, the nearest first. The original plan's query 5.3: what is known about errors like this, and what fixed them.
-- Parameters: query_embedding (of the error's text), embedding_model. As in the plan, `similarity` is a cosine distance. Cause and remedy are given only where
-- a person confirmed them; a row that merely claims to be confirmed is shown as suspected (known_patterns).
SELECT
    ep.error_signature,
    if(k.Status = 'confirmed', ep.root_cause, '') AS root_cause,
    if(k.Status = 'confirmed', ep.resolution, '') AS resolution,
    ep.occurrence_count, k.Status AS Status,
    cosineDistance(ep.embedding, {query_embedding:Array(Float32)}) AS similarity
FROM error_patterns AS ep FINAL
INNER JOIN (SELECT pattern_id, Status FROM known_patterns) AS k ON k.pattern_id = ep.pattern_id
WHERE ep.EmbeddingModel = {embedding_model:String} AND k.Status != 'rejected' AND similarity < 0.25
ORDER BY similarity
LIMIT 5
