-- Grain: a known error pattern that shares templates with the trace, holds it as evidence, or reads like it. Called by investigate.similar.
-- Vectors are compared only with those of the same model. Cause and remedy are given only where a person confirmed them (known_patterns).
WITH (
    SELECT groupArray(Vector)
    FROM embeddings FINAL
    WHERE Model = {model:String} AND TextHash IN (SELECT TextHash FROM log_templates FINAL WHERE TemplateId IN {ids:Array(UInt64)})
) AS mine
SELECT
    toString(pattern_id) AS pattern_id, error_signature, error_message, service_name,
    if(Status = 'confirmed', root_cause, '') AS cause, if(Status = 'confirmed', resolution, '') AS remedy,
    Status, Harmless, occurrence_count, first_seen, last_seen, related_trace_ids, ReviewedBy, ReviewedAt,
    length(arrayIntersect(Templates, {ids:Array(UInt64)})) AS shared_templates,
    has(related_trace_ids, {trace_id:String}) AS is_evidence,
    if(EmbeddingModel = {model:String}, arrayFilter(v -> length(v) = length(embedding), mine), []) AS comparable,
    arrayMin(arrayPushBack(arrayMap(v -> toFloat64(cosineDistance(v, embedding)), comparable), 2.)) AS distance
FROM known_patterns
WHERE Status != 'rejected'
    AND (is_evidence OR (has({services:Array(String)}, toString(service_name)) AND (shared_templates > 0 OR distance <= {farthest:Float64})))
ORDER BY is_evidence DESC, Status = 'confirmed' DESC, shared_templates DESC, distance, pattern_id
LIMIT {limit:UInt32}
