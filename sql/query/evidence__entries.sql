-- Grain: one row. Called by tools.evidence and by agents: requests that a service took, how many failed and how long they took, in a window and before it.
WITH Timestamp >= parseDateTime64BestEffort({start:String}, 3, 'UTC') AS Now
SELECT
    countIf(Now) AS requests,
    countIf(Now AND Failed) AS failed,
    countIf(NOT Now) AS requests_before,
    countIf(NOT Now AND Failed) AS failed_before,
    if(requests = 0, 0, round(quantileExactIf(0.95)(Duration / 1e6, Now), 1)) AS p95_ms,
    if(requests_before = 0, 0, round(quantileExactIf(0.95)(Duration / 1e6, NOT Now), 1)) AS p95_ms_before
FROM
(
    SELECT Timestamp, Duration, otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`) AS Failed
    FROM otel_traces
    WHERE ServiceName = {service:String}
        AND Timestamp >= parseDateTime64BestEffort({since:String}, 3, 'UTC') AND Timestamp < parseDateTime64BestEffort({end:String}, 3, 'UTC')
        AND otel_pipeline_entry_v1(SpanKind, ParentSpanId)
    LIMIT 1 BY TraceId, SpanId, ServiceName, otel_pipeline_enum_v1(SpanKind), Timestamp -- a sender may repeat what it has delivered
)
