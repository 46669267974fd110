-- anomaly_scores gets what its services did and called, and the time beyond what is usual. Kinds of reasons: calls, too (what is missing, fewer, more or new).
ALTER TABLE anomaly_scores ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Calls Float64 DEFAULT 0 COMMENT 'Surprise of what the services did and called: too much, too little, nothing' CODEC(ZSTD(1)) AFTER Conduct,
    ADD COLUMN IF NOT EXISTS Excess Float64 DEFAULT 0 COMMENT 'Surprise of the milliseconds, summed over the trace, beyond what is usual' CODEC(ZSTD(1)) AFTER Latency
