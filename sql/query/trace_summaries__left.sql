-- Grain: one row. Called by detection.trace_summaries: touched traces that are no longer of this hour, because an earlier span has come.
SELECT count() AS Traces
FROM trace_summaries
WHERE Hour = {hour:DateTime} AND TraceId IN (SELECT TraceId FROM {touched:Identifier}) AND TraceId NOT IN (SELECT TraceId FROM {fresh:Identifier})
