-- What of an incident was known when it was last matched with the memory: while that stays as it is, a live run need not do it again. Written by error_patterns.
ALTER TABLE incidents ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Matched UInt64 DEFAULT 0 COMMENT 'Hash of what it was matched by; 0: not yet'
