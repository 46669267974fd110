-- Grain: a trace that something has arrived for. Key: TraceId. Called by detection.trace_summaries, into a staging table: traces with spans or lines
-- in the minutes that have changed.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT DISTINCT TraceId
FROM
(
    SELECT TraceId
    FROM otel_traces
    WHERE Timestamp >= arrayMin({spans:Array(DateTime)}) AND Timestamp < arrayMax({spans:Array(DateTime)}) + INTERVAL 1 MINUTE
        AND toStartOfMinute(toDateTime(Timestamp)) IN {spans:Array(DateTime)}
    UNION ALL
    SELECT TraceId
    FROM otel_logs
    WHERE Timestamp >= arrayMin({lines:Array(DateTime)}) AND Timestamp < arrayMax({lines:Array(DateTime)}) + INTERVAL 1 MINUTE
        AND toStartOfMinute(toDateTime(Timestamp)) IN {lines:Array(DateTime)}
)
WHERE TraceId != ''
