-- Grain: a change of a pattern. Key: none (append only). Written with every change of error_patterns.
CREATE TABLE IF NOT EXISTS error_pattern_history ${ON_CLUSTER}
(
    pattern_id UUID COMMENT 'error_patterns.pattern_id',
    ChangedAt DateTime64(3) DEFAULT now64(3) COMMENT 'When',
    ChangedBy String COMMENT 'Who: a person, or the lineage',
    Action LowCardinality(String) COMMENT 'noted, seen, stale by the lineage; proposed by anyone; added, resolved, corrected, rejected, reopened, imported by people',
    Status LowCardinality(String) COMMENT 'Status after the change',
    root_cause String COMMENT 'Root cause after the change' CODEC(ZSTD(1)),
    resolution String COMMENT 'Resolution after the change' CODEC(ZSTD(1)),
    Note String COMMENT 'Anything said with it' CODEC(ZSTD(1)),
    Harmless Bool COMMENT 'Known to do no harm, after the change',
    CheckQuery String COMMENT 'Check after the change' CODEC(ZSTD(1)),
    Snapshot String COMMENT 'The whole pattern after the change, without its vector: JSON' CODEC(ZSTD(3))
)
ENGINE = ${REPLICATED}MergeTree
ORDER BY (pattern_id, ChangedAt)
