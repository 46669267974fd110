-- Grain: an incident: anomalies that belong together in time and along the call graph. Key: IncidentId within Hour, the hour in which it began.
-- Written by incidents, which replaces the partition of the hour.
CREATE TABLE IF NOT EXISTS incidents ${ON_CLUSTER}
(
    Hour DateTime COMMENT 'Hour in which the incident began',
    IncidentId String COMMENT 'Stable id, made of start and first root operation',
    Start DateTime64(3) COMMENT 'First anomalous trace',
    End DateTime64(3) COMMENT 'End of the last anomalous trace seen so far',
    Open Bool COMMENT 'No sign of recovery in the data so far',
    Service LowCardinality(String) COMMENT 'Service to blame first',
    Title String COMMENT 'One line for people',
    Traces UInt64 COMMENT 'Traces of the affected operations in the window',
    Anomalous UInt64 COMMENT 'Anomalous traces among them',
    Share Float64 COMMENT 'Anomalous share of the affected traffic',
    MaxScore Float64 COMMENT 'Highest score',
    Surprise Float64 COMMENT '-log10 of the probability of such a burst at the usual rate of anomalies',
    Operations Array(String) COMMENT 'Affected root operations, service:operation, the most affected first',
    `Ranking.Service` Array(LowCardinality(String)) COMMENT 'Services, the likeliest cause first',
    `Ranking.Score` Array(Float64) COMMENT 'How strongly the evidence points at each',
    `Ranking.Confidence` Array(Float64) COMMENT 'Share of the evidence, 0 to 1',
    `Ranking.Why` Array(String) COMMENT 'Strongest evidence, in words',
    `Reasons.Kind` Array(LowCardinality(String)) COMMENT 'Reasons that recur in its traces: kind',
    `Reasons.Service` Array(LowCardinality(String)) COMMENT 'Service that the reason points at',
    `Reasons.Operation` Array(String) COMMENT 'Operation',
    `Reasons.What` Array(String) COMMENT 'What is odd, in words',
    `Reasons.Traces` Array(UInt64) COMMENT 'Anomalous traces that show it',
    `Reasons.Surprise` Array(Float64) COMMENT 'Highest surprise among them',
    ExampleTraceIds Array(String) COMMENT 'A few of the worst traces',
    Templates Array(UInt64) COMMENT 'Log templates that are new or rare in it',
    Shapes Array(UInt64) COMMENT 'Shapes of its anomalous traces, the most frequent first',
    BaselineVersion DateTime COMMENT 'Newest baseline version that judged its traces',
    PatternId UUID COMMENT 'error_patterns.pattern_id that it was matched with, or zero',
    CodeVersion LowCardinality(String) COMMENT 'Version of the code that made the row',
    WrittenAt DateTime64(3) DEFAULT now64(3) COMMENT 'When this row was written'
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY Hour
ORDER BY (Start, IncidentId)
TTL Hour + toIntervalDay(${DERIVED_TTL_DAYS})
SETTINGS ttl_only_drop_parts = 1
