-- Grain: root operation × baseline version. Key: (BaselineVersion, RootService, RootOperation). What is normal.
-- Written by normal_centroid, which replaces the partition of the version. A version is the end of the window that it learned from; it judges only traces that begin later.
-- RootService = '' holds what is true of all root operations together.
CREATE TABLE IF NOT EXISTS normal_centroids ${ON_CLUSTER}
(
    BaselineVersion DateTime COMMENT 'End of the window that the version learned from',
    RootService LowCardinality(String) COMMENT 'Root service; empty: all together',
    RootOperation LowCardinality(String) COMMENT 'Root operation; empty: all together',
    WindowStart DateTime COMMENT 'Start of the window that the version learned from',
    WindowEnd DateTime COMMENT 'End of that window',
    Traces UInt64 COMMENT 'Traces that it learned from',
    Excluded UInt64 COMMENT 'Traces of the window left out because an earlier version called them anomalous',
    EmbeddingModel LowCardinality(String) COMMENT 'Model of Centroid; empty without vectors',
    Centroid Array(Float32) COMMENT 'Mean of the shape vectors, by trace' CODEC(NONE),
    Radius Float64 COMMENT '99th percentile of the cosine distance to Centroid',
    DurationQuantiles Array(Float64) COMMENT 'Root duration in ns at .5 .9 .95 .99 .999',
    `Shape.Hash` Array(UInt64) COMMENT 'Known shapes' CODEC(ZSTD(1)),
    `Shape.Count` Array(UInt64) COMMENT 'Traces of each shape' CODEC(ZSTD(1)),
    `Work.Service` Array(LowCardinality(String)) COMMENT 'Own work: service' CODEC(ZSTD(1)),
    `Work.Operation` Array(LowCardinality(String)) COMMENT 'Own work: operation' CODEC(ZSTD(1)),
    `Work.Traces` Array(UInt64) COMMENT 'Own work: traces that it was seen in' CODEC(ZSTD(1)),
    `Work.Center` Array(Float64) COMMENT 'Own work: median of ln(ns per call)' CODEC(ZSTD(1)),
    `Work.High` Array(Float64) COMMENT 'Own work: quantile .9 of ln(ns per call)' CODEC(ZSTD(1)),
    `Work.Scale` Array(Float64) COMMENT 'Own work: width of a tenfold rarer tail of ln(ns per call)' CODEC(ZSTD(1)),
    `Gap.Caller` Array(LowCardinality(String)) COMMENT 'Call between services: who calls' CODEC(ZSTD(1)),
    `Gap.Callee` Array(LowCardinality(String)) COMMENT 'Call between services: who is called' CODEC(ZSTD(1)),
    `Gap.Traces` Array(UInt64) COMMENT 'Call between services: traces that it was seen in' CODEC(ZSTD(1)),
    `Gap.Center` Array(Float64) COMMENT 'Call between services: median of ln(gap ns per call)' CODEC(ZSTD(1)),
    `Gap.High` Array(Float64) COMMENT 'Call between services: quantile .9 of ln(gap ns per call)' CODEC(ZSTD(1)),
    `Gap.Scale` Array(Float64) COMMENT 'Call between services: width of a tenfold rarer tail of ln(gap ns per call)' CODEC(ZSTD(1)),
    `Error.Key` Array(UInt64) COMMENT 'Known errors: cityHash64(service, operation, type)' CODEC(ZSTD(1)),
    `Error.Count` Array(UInt64) COMMENT 'Known errors: traces' CODEC(ZSTD(1)),
    `Template.Key` Array(UInt64) COMMENT 'Known templates: cityHash64(service, template)' CODEC(ZSTD(1)),
    `Template.Count` Array(UInt64) COMMENT 'Known templates: traces' CODEC(ZSTD(1)),
    `Calibration.Signal` Array(LowCardinality(String)) COMMENT 'structure, latency, error, template, conduct, all: only in the row of all together' CODEC(ZSTD(1)),
    `Calibration.Values` Array(Array(Float64)) COMMENT 'Statistic of normal traces, each judged without itself, at rising quantiles' CODEC(ZSTD(1)),
    `Calibration.Surprise` Array(Array(Float64)) COMMENT '-log10 of the share of normal traces that reach each value' CODEC(ZSTD(1)),
    CodeVersion LowCardinality(String) COMMENT 'Version of the code that made the row',
    WrittenAt DateTime64(3) DEFAULT now64(3) COMMENT 'When this row was written'
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY BaselineVersion
ORDER BY (BaselineVersion, RootService, RootOperation)
TTL BaselineVersion + toIntervalDay(${DERIVED_TTL_DAYS})
