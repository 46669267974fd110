-- Grain: service × entry × conduct × baseline version. Key: the same. How often each service did what, when all was normal.
-- Written by normal_centroid, which replaces the partition of the version; judged with by anomaly_scores.
CREATE TABLE IF NOT EXISTS normal_conduct ${ON_CLUSTER}
(
    BaselineVersion DateTime COMMENT 'normal_centroids.BaselineVersion',
    Service LowCardinality(String) COMMENT 'Service',
    Entry UInt64 COMMENT 'cityHash64 of the operations by which it was entered (otel_pipeline_entries_v1)',
    Conduct UInt64 COMMENT 'Its log templates and errors (otel_pipeline_conduct_v1)',
    Visits UInt64 COMMENT 'Visits of that conduct',
    OfEntry UInt64 COMMENT 'All visits by that entry'
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY BaselineVersion
ORDER BY (Service, Entry, Conduct)
TTL BaselineVersion + toIntervalDay(${DERIVED_TTL_DAYS})
