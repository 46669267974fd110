-- Grain: a service. Key: Service. Called by tools.overview: requests (spans that serve a call or a message, or that nobody called), failures and times in a window and as long before it.
WITH Timestamp >= {start:DateTime64(9)} AS Now
SELECT
    ServiceName AS Service,
    countIf(Now) AS Requests,
    countIf(Now AND Failed) AS FailedNow,
    countIf(NOT Now) AS RequestsBefore,
    countIf(NOT Now AND Failed) AS FailedBefore,
    if(Requests = 0, 0, quantileIf(0.5)(Duration / 1e6, Now)) AS P50Ms,
    if(Requests = 0, 0, quantileIf(0.95)(Duration / 1e6, Now)) AS P95Ms,
    if(RequestsBefore = 0, 0, quantileIf(0.95)(Duration / 1e6, NOT Now)) AS P95MsBefore
FROM
(
    SELECT Timestamp, ServiceName, Duration, otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`) AS Failed
    FROM otel_traces
    WHERE Timestamp >= {before:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}
        AND otel_pipeline_entry_v1(SpanKind, ParentSpanId)
        AND ({service:String} = '' OR ServiceName = {service:String})
    LIMIT 1 BY TraceId, SpanId, ServiceName, otel_pipeline_enum_v1(SpanKind), Timestamp -- a sender may repeat what it has delivered
)
GROUP BY Service
ORDER BY FailedNow DESC, Requests DESC, Service
LIMIT 200
