-- Grain: a trace. Called by detection.trace_summaries: the slowest traces of an hour, for the asset page.
SELECT TraceId, RootService, RootOperation, round(Duration / 1e6, 1) AS duration_ms, SpanCount AS spans, ErrorCount AS errors
FROM trace_summaries
WHERE Hour = {hour:DateTime}
ORDER BY Duration DESC
LIMIT 10
