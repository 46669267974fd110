-- Grain: a trace that something has arrived for. Key: TraceId. Called by detection.trace_summaries, into a staging table: traces with spans or lines
-- in the minutes that have changed, those that go back to a span in them by a link, and those of the hour that are due to be looked at again.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH changed AS
(
    SELECT DISTINCT TraceId
    FROM otel_traces
    WHERE Timestamp >= arrayMin({spans:Array(DateTime)}) AND Timestamp < arrayMax({spans:Array(DateTime)}) + INTERVAL 1 MINUTE
        AND toStartOfMinute(toDateTime(Timestamp)) IN {spans:Array(DateTime)}
)
SELECT DISTINCT TraceId
FROM
(
    SELECT TraceId FROM changed
    UNION ALL
    SELECT TraceId
    FROM otel_logs
    WHERE Timestamp >= arrayMin({lines:Array(DateTime)}) AND Timestamp < arrayMax({lines:Array(DateTime)}) + INTERVAL 1 MINUTE
        AND toStartOfMinute(toDateTime(Timestamp)) IN {lines:Array(DateTime)}
    UNION ALL
    SELECT TraceId
    FROM otel_traces
    WHERE Timestamp >= {hour:DateTime} AND Timestamp < {hour:DateTime} + INTERVAL 1 HOUR AND notEmpty({spans:Array(DateTime)})
        AND notEmpty(`Links.TraceId`) AND hasAny(`Links.TraceId`, (SELECT groupArray(TraceId) FROM changed))
    UNION ALL
    SELECT TraceId FROM trace_summaries WHERE Hour = {hour:DateTime} AND DueAt > toDateTime(0) AND DueAt <= {now:DateTime64(3)}
)
WHERE TraceId != ''
