-- anomaly_scores gets the environment that a trace ran in.
ALTER TABLE anomaly_scores ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Environment LowCardinality(String) DEFAULT '' COMMENT 'Environment and namespace of the root service: trace_summaries.Environment' AFTER RootKind
