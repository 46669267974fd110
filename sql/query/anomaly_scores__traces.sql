-- Grain: a trace to judge. Key: TraceId. Called by detection.anomaly_scores, into a staging table. Judge: the baseline must be no newer than this;
-- the start of the trace, or a version that the caller insists on.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT *, if({version:DateTime} > toDateTime(0), {version:DateTime}, toDateTime(Timestamp)) AS Judge
FROM trace_summaries
WHERE Hour = {hour:DateTime} AND Timestamp < {end:DateTime64(3)}
