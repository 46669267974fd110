-- trace_summaries of databases that are older than its column WrittenAt get it; their rows count as written at the beginning.
ALTER TABLE trace_summaries ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS WrittenAt DateTime64(3) DEFAULT now64(3) COMMENT 'When this row was written'
