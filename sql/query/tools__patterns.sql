-- Grain: a known error pattern, the nearest in meaning first. Called by tools.patterns; what people rejected is left out unless it is known to do no harm.
SELECT
    pattern_id, error_message, service_name, root_cause, resolution, Status, Harmless, occurrence_count, last_seen, related_trace_ids,
    cosineDistance(embedding, {vector:Array(Float32)}) AS Distance
FROM known_patterns
WHERE EmbeddingModel = {model:String} AND length(embedding) = length({vector:Array(Float32)})
    AND (Status != 'rejected' OR Harmless)
    AND ({service:String} = '' OR service_name = {service:String})
    AND Distance <= 0.4
ORDER BY Distance, pattern_id
LIMIT {limit:UInt32}
