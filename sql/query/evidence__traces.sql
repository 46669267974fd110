-- Grain: trace. Called by tools.evidence and by agents: traces of a window in which spans of a service failed or took longest; failures first.
SELECT
    TraceId AS trace_id,
    uniqExactIf((SpanId, SpanKind), otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`)) AS failed_spans,
    round(max(Duration) / 1e6, 1) AS longest_ms,
    substring(anyIf(StatusMessage, StatusMessage != ''), 1, 100) AS says
FROM otel_traces
WHERE ServiceName = {service:String}
    AND Timestamp >= parseDateTime64BestEffort({start:String}, 3, 'UTC') AND Timestamp < parseDateTime64BestEffort({end:String}, 3, 'UTC')
    AND parseDateTime64BestEffort({since:String}, 3, 'UTC') <= Timestamp
GROUP BY TraceId
ORDER BY failed_spans > 0 DESC, longest_ms DESC, trace_id
LIMIT 3
