-- Grain: a trace with spans in the hour. Key: TraceId. Called by detection.trace_summaries as its first step, into a staging table. Chosen: it may begin
-- in the hour, for a root lies there, or none within 15 minutes beside it; which of these do begin there is decided when their parents are known.
-- Whole: all traces; otherwise those of the table Touched alone. Slice of Slices: an even part of them, by their ids.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    TraceId,
    countIf(ParentSpanId = '' AND Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}) > 0 OR countIf(ParentSpanId = '') = 0 AS Chosen
FROM otel_traces
WHERE Timestamp >= {start:DateTime64(9)} - INTERVAL 15 MINUTE AND Timestamp < {end:DateTime64(9)} + INTERVAL 15 MINUTE AND TraceId != ''
    AND cityHash64(TraceId) % {slices:UInt32} = {slice:UInt32}
    AND ({whole:Bool} OR TraceId IN (SELECT TraceId FROM {touched:Identifier}))
GROUP BY TraceId
HAVING countIf(Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}) > 0
