-- What a reviewed memory needs besides 058: who decided when, the check that must hold, exceptions and versions. For tables made before these columns were.
-- Called by migrate; ADD COLUMN IF NOT EXISTS changes nothing where they stand already.
ALTER TABLE error_patterns ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Exceptions Array(LowCardinality(String)) COMMENT 'Structure: exception types of its errors' AFTER Shapes,
    ADD COLUMN IF NOT EXISTS Versions Array(LowCardinality(String)) COMMENT 'service.version of the blamed service when it was seen' AFTER Exceptions,
    ADD COLUMN IF NOT EXISTS CheckQuery String COMMENT 'Read-only query that must hold on the window of a new incident ({start}, {end}); empty: its own features are looked for' CODEC(ZSTD(1)) AFTER Versions,
    ADD COLUMN IF NOT EXISTS CheckFailures UInt16 COMMENT 'How often in a row its check did not hold' AFTER CheckQuery,
    ADD COLUMN IF NOT EXISTS ReviewedBy String COMMENT 'Who decided last: confirmed, corrected, rejected' AFTER CheckFailures,
    ADD COLUMN IF NOT EXISTS ReviewedAt DateTime64(3) COMMENT 'When; 1970-01-01: nobody has yet' AFTER ReviewedBy
