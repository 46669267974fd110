-- What showed an incident: only one that traces showed has anomalous traces of its own. Written by incidents.
ALTER TABLE incidents ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Source LowCardinality(String) DEFAULT 'traces' COMMENT 'What showed it: traces, behavior, logs, silence, metrics'
