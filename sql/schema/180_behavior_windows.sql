-- Grain: a minute in which there were traces. Key: Minute. What stood out most in the behavior of services over the few minutes that end with it.
-- Written by incidents, which replaces the partition of the hour; a live run takes over the minutes that have not changed since.
CREATE TABLE IF NOT EXISTS behavior_windows ${ON_CLUSTER}
(
    Hour DateTime COMMENT 'Hour of the minute',
    Minute DateTime COMMENT 'Start of the last minute of the window',
    Traces UInt64 COMMENT 'Traces of the minute when it was judged',
    Service LowCardinality(String) COMMENT 'Service whose behavior deviates most',
    Kind LowCardinality(String) COMMENT 'self, self_slow, self_fast, gap, gap_slow, steps, calls, error, lines, form',
    Part String COMMENT 'Operation, callee, type or log template that it is about' CODEC(ZSTD(1)),
    Deviation Float64 COMMENT 'How far beyond what the quiet windows before it show, in standard deviations' CODEC(ZSTD(1)),
    Bound Float64 COMMENT 'Deviation from which the window is trouble; 0 where too little was known to judge it' CODEC(ZSTD(1)),
    CodeVersion LowCardinality(String) COMMENT 'Version of the code that made the row',
    WrittenAt DateTime64(3) DEFAULT now64(3) COMMENT 'When this row was written'
)
ENGINE = ${REPLICATED}MergeTree
PARTITION BY Hour
ORDER BY Minute
TTL Hour + toIntervalDay(${DERIVED_TTL_DAYS})
SETTINGS ttl_only_drop_parts = 1
