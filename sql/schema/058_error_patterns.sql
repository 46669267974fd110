-- Grain: a known error pattern. Key: pattern_id; read with FINAL. The memory: what went wrong before, why, and what fixed it.
-- Written by error_patterns (status suspected) and by people (`otel-pipeline patterns`); every change is also a row of error_pattern_history.
CREATE TABLE IF NOT EXISTS error_patterns ${ON_CLUSTER}
(
    pattern_id UUID COMMENT 'Stable id, made of the signature',
    created_at DateTime64(3) COMMENT 'When it was first noted',
    error_signature String COMMENT 'What identifies it: blamed service, kinds of evidence, exceptions',
    error_message String COMMENT 'The message that people recognise it by' CODEC(ZSTD(1)),
    service_name LowCardinality(String) COMMENT 'Service to blame',
    root_cause String COMMENT 'Why it happens, as people confirmed it' CODEC(ZSTD(1)),
    resolution String COMMENT 'What fixed it' CODEC(ZSTD(1)),
    occurrence_count UInt32 COMMENT 'Incidents that matched it',
    last_seen DateTime64(3) COMMENT 'End of the last of them',
    related_trace_ids Array(String) COMMENT 'Evidence: example traces' CODEC(ZSTD(1)),
    embedding Array(Float32) COMMENT 'Vector of EmbeddedText' CODEC(NONE),
    EmbeddingModel LowCardinality(String) COMMENT 'Model of embedding',
    EmbeddedText String COMMENT 'Text that was embedded' CODEC(ZSTD(1)),
    Status LowCardinality(String) COMMENT 'suspected, confirmed, rejected, stale',
    Harmless Bool COMMENT 'Known to do no harm',
    first_seen DateTime64(3) COMMENT 'Start of the first incident',
    Services Array(LowCardinality(String)) COMMENT 'Structure: services that reasons point at',
    Features Array(String) COMMENT 'Structure: kind, service, operation and type of each recurring reason' CODEC(ZSTD(1)),
    Templates Array(UInt64) COMMENT 'Structure: log templates that mark it',
    Shapes Array(UInt64) COMMENT 'Structure: trace shapes that mark it',
    Exceptions Array(LowCardinality(String)) COMMENT 'Structure: exception types of its errors',
    Versions Array(LowCardinality(String)) COMMENT 'service.version of the blamed service when it was seen',
    CheckQuery String COMMENT 'Read-only query that must hold on the window of a new incident ({start}, {end}); empty: its own features are looked for' CODEC(ZSTD(1)),
    CheckFailures UInt16 COMMENT 'How often in a row its check did not hold',
    ReviewedBy String COMMENT 'Who decided last: confirmed, corrected, rejected',
    ReviewedAt DateTime64(3) COMMENT 'When; 1970-01-01: nobody has yet',
    Incidents Array(String) COMMENT 'Incidents that matched it: IncidentId',
    ChangedBy String COMMENT 'Who changed it last',
    UpdatedAt DateTime64(3) DEFAULT now64(3) COMMENT 'When this row was written'
)
ENGINE = ${REPLICATED}ReplacingMergeTree(UpdatedAt)
ORDER BY pattern_id
