-- Grain: a trace to judge. Key: TraceId. Called by detection.anomaly_scores, into a staging table. Judge: the baseline must be no newer than this;
-- the start of the trace, or a version that the caller insists on. Since, From, Judges: see anomaly_scores__since; Since 0: all traces.
-- Slice of Slices: an even part of them, by their ids.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT *, if({version:DateTime} > toDateTime(0), {version:DateTime}, toDateTime(Timestamp)) AS Judge
FROM trace_summaries
WHERE Hour = {hour:DateTime} AND Timestamp < {end:DateTime64(3)} AND cityHash64(TraceId) % {slices:UInt32} = {slice:UInt32}
    AND (
        WrittenAt >= {since:DateTime64(3)}
        OR Timestamp >= {from:DateTime}
        OR TraceId IN (SELECT TraceId FROM anomaly_scores WHERE Hour = {hour:DateTime} AND BaselineVersion NOT IN {judges:Array(DateTime)})
    )
