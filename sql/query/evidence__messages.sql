-- Grain: message, what varies masked. Called by tools.evidence and by agents: warnings and errors that a service logged in a window, and as often before it.
SELECT
    substring(otel_pipeline_mask_v1(Body), 1, 100) AS message,
    countIf(Timestamp >= parseDateTime64BestEffort({start:String}, 3, 'UTC')) AS lines,
    count() - lines AS lines_before
FROM
(
    SELECT Timestamp, Body
    FROM otel_logs
    WHERE ServiceName = {service:String}
        AND Timestamp >= parseDateTime64BestEffort({since:String}, 3, 'UTC') AND Timestamp < parseDateTime64BestEffort({end:String}, 3, 'UTC')
        AND otel_pipeline_severity_v2(SeverityText, SeverityNumber) IN ('WARN', 'ERROR', 'FATAL')
    LIMIT 1 BY TraceId, cityHash64(Timestamp, SpanId, Body), if(toUnixTimestamp64Nano(Timestamp) % 1000000 = 0 AND SpanId = '', rowNumberInAllBlocks(), 0)
)
GROUP BY message
HAVING lines > 0
ORDER BY lines DESC, message
LIMIT 3
