-- Grain: a pattern. Key: pattern_id. Called by detection.memory; the last seen first.
SELECT
    pattern_id, created_at, error_signature, error_message, service_name, root_cause, resolution, occurrence_count, last_seen,
    related_trace_ids, embedding, EmbeddingModel, EmbeddedText, Status, Harmless, first_seen, Services, Features, Templates, Shapes,
    Exceptions, Versions, CheckQuery, CheckFailures, ReviewedBy, ReviewedAt, Incidents, ChangedBy
FROM known_patterns
ORDER BY last_seen DESC, pattern_id
