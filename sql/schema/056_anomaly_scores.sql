-- Grain: trace × baseline version. Key: TraceId within Hour. Written by anomaly_scores, which replaces the partition of the hour.
-- Score: -log10 of the share of normal traces that would look at least as odd; 3 is one in a thousand.
CREATE TABLE IF NOT EXISTS anomaly_scores ${ON_CLUSTER}
(
    Hour DateTime COMMENT 'Hour in which the trace began: trace_summaries.Hour',
    Timestamp DateTime64(9) COMMENT 'When the trace began' CODEC(Delta(8), ZSTD(1)),
    TraceId String COMMENT 'Trace, hex' CODEC(ZSTD(1)),
    RootService LowCardinality(String) COMMENT 'Root service',
    RootOperation LowCardinality(String) COMMENT 'Root operation',
    RootKind LowCardinality(String) COMMENT 'Kind of the root span; incidents are about work that somebody asked for, not Internal',
    Score Float64 COMMENT 'Surprise over all signals: -log10 of a false-alarm rate' CODEC(ZSTD(1)),
    Verdict LowCardinality(String) COMMENT 'normal, anomalous, no_baseline, partial',
    Threshold Float64 COMMENT 'Score from which a trace is anomalous: -log10 of the false-alarm rate that is accepted',
    Conduct Float64 COMMENT 'Surprise of what the services did: log lines and errors' CODEC(ZSTD(1)),
    Structure Float64 COMMENT 'Surprise of the shape; in the score only where no logs tell of the conduct' CODEC(ZSTD(1)),
    Latency Float64 COMMENT 'Surprise of own work and of calls between services' CODEC(ZSTD(1)),
    Errors Float64 COMMENT 'Surprise of the errors' CODEC(ZSTD(1)),
    Templates Float64 COMMENT 'Surprise of single log templates; among the reasons, not in the score' CODEC(ZSTD(1)),
    Duration UInt64 COMMENT 'Duration of the root span, nanoseconds' CODEC(ZSTD(1)),
    Suspect LowCardinality(String) COMMENT 'Service that the strongest, deepest reason points at',
    `Reasons.Kind` Array(LowCardinality(String)) COMMENT 'conduct, structure, latency, network, error, template' CODEC(ZSTD(1)),
    `Reasons.Service` Array(LowCardinality(String)) COMMENT 'Service that the reason points at' CODEC(ZSTD(1)),
    `Reasons.Operation` Array(String) COMMENT 'Operation, or caller of a call' CODEC(ZSTD(1)),
    `Reasons.What` Array(String) COMMENT 'What was odd, in words' CODEC(ZSTD(1)),
    `Reasons.Observed` Array(Float64) COMMENT 'Observed: milliseconds per call, or a count' CODEC(ZSTD(1)),
    `Reasons.Expected` Array(Float64) COMMENT 'Usual: milliseconds per call, or a share of traces' CODEC(ZSTD(1)),
    `Reasons.Surprise` Array(Float64) COMMENT '-log10 of the share of normal traces as odd as this' CODEC(ZSTD(1)),
    BaselineVersion DateTime COMMENT 'normal_centroids.BaselineVersion that judged; 1970-01-01 without one',
    EmbeddingModel LowCardinality(String) COMMENT 'Embedding model of that baseline',
    CodeVersion LowCardinality(String) COMMENT 'Version of the code that made the row',
    WrittenAt DateTime64(3) DEFAULT now64(3) COMMENT 'When this row was written',
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY Hour
ORDER BY (Verdict, Timestamp, TraceId)
TTL Hour + toIntervalDay(${DERIVED_TTL_DAYS})
SETTINGS ttl_only_drop_parts = 1
