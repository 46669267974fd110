-- trace_summaries gets the environment that a trace ran in, and when an unfinished one has to be looked at again.
ALTER TABLE trace_summaries ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Environment LowCardinality(String) DEFAULT '' COMMENT 'Environment and namespace of the root service: prod/shop; part of its identity' AFTER RootKind,
    ADD COLUMN IF NOT EXISTS DueAt DateTime DEFAULT 0 COMMENT 'Partial because it is young: when to look again, though nothing has come; 1970 where settled' AFTER Complete
