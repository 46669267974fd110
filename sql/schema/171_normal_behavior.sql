-- Grain: kind × service × entry × behavior × baseline version. Key: the same. How often a service behaved how, given by which operations it was entered.
-- Kinds: calls (what it did and called, and how often, against how often it was entered), errors, conduct (log templates and errors).
-- Behavior = 0 stands for all that was not seen. Written by normal_centroid, which replaces the partition of the version; judged with by anomaly_scores.
CREATE TABLE IF NOT EXISTS normal_behavior ${ON_CLUSTER}
(
    BaselineVersion DateTime COMMENT 'normal_centroids.BaselineVersion',
    Kind LowCardinality(String) COMMENT 'calls, errors, conduct',
    Service LowCardinality(String) COMMENT 'Service',
    Entry UInt64 COMMENT 'cityHash64 of the operations by which it was entered (otel_pipeline_entries_v1) and the environment',
    Behavior UInt64 COMMENT 'Hash of the behavior; 0: any that was not seen',
    Visits UInt64 COMMENT 'Visits that behaved so',
    OfEntry UInt64 COMMENT 'All visits by that entry',
    Rarer UInt64 COMMENT 'Visits by that entry whose behavior is as rare or rarer; of 0: visits that behaved as no other',
    Singles UInt64 COMMENT 'Visits by that entry that behaved as no other',
    Novel Float64 COMMENT 'Share of such visits over all services: what is expected of an entry that is not well known',
    Children Array(Tuple(Name String, Calls Float64)) COMMENT 'Of calls: what was done and called, and how often for each time it was entered; of 0: usually' CODEC(ZSTD(1))
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY BaselineVersion
ORDER BY (Kind, Service, Entry, Behavior)
TTL BaselineVersion + toIntervalDay(${DERIVED_TTL_DAYS})
