-- Grain: root operation × environment × timed thing × baseline version. Key: the same. How long what a trace does takes, when all is normal.
-- Timed: own work of an operation (self), time between caller and callee (network), the trace as a whole (whole). Times are ln(nanoseconds a call + 0.2 ms).
-- The upper tail as it is: its largest values, by rank. Written by normal_centroid, which replaces the partition of the version; judged with by anomaly_scores.
CREATE TABLE IF NOT EXISTS normal_times ${ON_CLUSTER}
(
    BaselineVersion DateTime COMMENT 'normal_centroids.BaselineVersion',
    RootService LowCardinality(String) COMMENT 'Root service',
    RootOperation LowCardinality(String) COMMENT 'Root operation',
    Environment LowCardinality(String) COMMENT 'Environment and namespace of the root service',
    Kind LowCardinality(String) COMMENT 'self, network, whole',
    Service LowCardinality(String) COMMENT 'Service; of network: the callee',
    Operation LowCardinality(String) COMMENT 'Operation; of network: the caller; of whole: empty',
    Traces UInt64 COMMENT 'Traces that it was seen in',
    Least Float64 COMMENT 'Shortest',
    Center Float64 COMMENT 'Median',
    Tops Array(Float64) COMMENT 'Values from the largest down, at the ranks of Ranks' CODEC(ZSTD(1)),
    Ranks Array(UInt64) COMMENT '1 for the largest, and so on' CODEC(ZSTD(1)),
    Slope Float64 COMMENT 'How much longer the tail is for a tenth of the probability; shrunk to that of all times',
    SlopeWithout Float64 COMMENT 'The same without the largest value: what that one is judged by',
    Bound Float64 COMMENT 'Nanoseconds in a trace above which time is excess: median and two scales, by the upper quartile'
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY BaselineVersion
ORDER BY (RootService, RootOperation, Environment, Kind, Service, Operation)
TTL BaselineVersion + toIntervalDay(${DERIVED_TTL_DAYS})
