-- Grain: service × error message, what varies masked. Called by tools.overview: what the errors of a window say, the most frequent first.
SELECT Service, Message, count() AS Times, countIf(Timestamp < {start:DateTime64(9)}) AS TimesBefore, min(Timestamp) AS First, max(Timestamp) AS Last,
    anyIf(TraceId, Timestamp >= {start:DateTime64(9)} AND TraceId != '') AS Trace, Times - TimesBefore AS Now
FROM
(
    SELECT Timestamp, ServiceName AS Service, otel_pipeline_mask_v1(Body) AS Message, TraceId
    FROM otel_logs
    WHERE Timestamp >= {before:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}
        AND otel_pipeline_severity_v2(SeverityText, SeverityNumber) IN ('ERROR', 'FATAL')
        AND ({service:String} = '' OR ServiceName = {service:String})
    -- A sender may repeat what it has delivered; where the clock is coarse, and no span told, a program may well say the same again.
    LIMIT 1 BY TraceId, cityHash64(Timestamp, SpanId, ServiceName, Body), if(toUnixTimestamp64Nano(Timestamp) % 1000000 = 0 AND SpanId = '', rowNumberInAllBlocks(), 0)
)
GROUP BY Service, Message
HAVING Now > 0
ORDER BY Now DESC, Service, Message
LIMIT 20
