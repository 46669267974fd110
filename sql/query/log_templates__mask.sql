-- Grain: minute × mask × service × severity of the hour. Called by log_templates as its first step, into a staging table: the one pass over the raw lines.
-- A line that a sender delivers again counts once; where the clock is coarse, and no span told, a program may well say the same again.
-- Whole: all lines of the hour; otherwise those of some minutes.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    toStartOfMinute(toDateTime(Timestamp)) AS Minute,
    cityHash64(Masked) AS MaskHash,
    ServiceName,
    otel_pipeline_severity_v2(otel_logs.SeverityText, otel_logs.SeverityNumber) AS SeverityText,
    any(otel_pipeline_mask_v1(Body) AS Masked) AS Mask,
    max(otel_pipeline_severity_number_v1(otel_logs.SeverityText, otel_logs.SeverityNumber)) AS SeverityNumber,
    uniqExactIf(
        cityHash64(TraceId, Timestamp, SpanId, otel_logs.Body),
        (toUnixTimestamp64Nano(Timestamp) % 1000000 = 0 AND SpanId = '') AS Coarse = 0
    ) + countIf(Coarse) AS Count,
    count() - Count AS Repeated,
    min(Timestamp) AS FirstSeen,
    max(Timestamp) AS LastSeen,
    groupArraySorted(6)((Timestamp, TraceId, substring(Body, 1, 1000))) AS Examples
FROM otel_logs
WHERE Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}
    AND ({whole:Bool} OR toStartOfMinute(toDateTime(Timestamp)) IN {minutes:Array(DateTime)})
GROUP BY Minute, MaskHash, ServiceName, SeverityText
