-- Grain: a statement: vectors of texts that no template, trace or pattern has any more. Called by end_of_life.
ALTER TABLE embeddings DELETE
WHERE CreatedAt < now() - toIntervalDay({days:UInt32})
    AND TextHash NOT IN (SELECT TextHash FROM log_templates)
    AND TextHash NOT IN (SELECT ShapeHash FROM trace_summaries)
    AND TextHash NOT IN (SELECT cityHash64(EmbeddedText) FROM error_patterns)
SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1
