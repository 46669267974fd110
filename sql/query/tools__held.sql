-- Grain: a trace. Called by tools.patterns: which of some traces are here.
SELECT DISTINCT TraceId
FROM otel_traces
WHERE TraceId IN {trace_ids:Array(String)}
