-- What a decision fixed besides 059: a confirmed pattern counts only where the last decision in its history says the same. For tables made before.
-- Called by migrate; ADD COLUMN IF NOT EXISTS changes nothing where they stand already.
ALTER TABLE error_pattern_history ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Harmless Bool COMMENT 'Known to do no harm, after the change',
    ADD COLUMN IF NOT EXISTS CheckQuery String COMMENT 'Check after the change' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS Snapshot String COMMENT 'The whole pattern after the change, without its vector: JSON' CODEC(ZSTD(3))
