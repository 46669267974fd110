-- Grain: service × operation. Key: the same. Called by investigate.cost: spans of a window, their bytes, errors, part of the service's time, how much their
-- duration varies, and whether reasons of anomalies point at them. The largest first.
SELECT
    ServiceName AS Service, SpanName AS Text, count() AS Rows,
    sum(byteSize(Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanAttributes, ResourceAttributes, StatusMessage, `Events.Name`, `Events.Attributes`)) AS Bytes,
    countIf(otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`)) AS Errors,
    countIf(SpanKind IN ('Internal', 'SPAN_KIND_INTERNAL', 'Unspecified', 'SPAN_KIND_UNSPECIFIED', '') AND ParentSpanId != '') AS Inner,
    ifNotFinite(stddevPop(log(Duration + 1000)), 0) AS Spread,
    quantileTDigest(0.99)(Duration) / 1e6 AS TailMs,
    (ServiceName, SpanName) IN (
        SELECT DISTINCT Reason.1, Reason.2
        FROM anomaly_scores
        ARRAY JOIN arrayZip(Reasons.Service, Reasons.Operation) AS Reason
        WHERE Verdict = 'anomalous'
    ) AS Telling
FROM otel_traces
WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
GROUP BY Service, Text
ORDER BY Bytes DESC, Service, Text
LIMIT 1000
