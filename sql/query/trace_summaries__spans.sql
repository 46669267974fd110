-- Grain: a span of a trace that begins in the hour. Key: Span. Called by detection.trace_summaries as its first step, into a staging table:
-- names and enums in one spelling, duplicates of a delivery repeated by its sender removed. Spans may lie 15 minutes beside the hour.
-- Whole: all traces; otherwise those of the table Touched alone. Slice of Slices: an even part of them, by their ids.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    cityHash64(TraceId) AS Trace,
    TraceId,
    cityHash64(TraceId, SpanId) AS Span,
    if(ParentSpanId = '', 0, cityHash64(TraceId, ParentSpanId)) AS Parent,
    ServiceName AS Service,
    otel_pipeline_operation_v1(SpanName) AS Operation,
    otel_pipeline_enum_v1(SpanKind) AS Kind,
    toUnixTimestamp64Nano(Timestamp) AS Start,
    toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) AS End,
    otel_pipeline_enum_v1(StatusCode) = 'Error'
        OR (Kind = 'Server' AND toUInt16OrZero(SpanAttributes['http.response.status_code'] || SpanAttributes['http.status_code']) >= 500) AS Failed,
    if(
        Failed,
        coalesce(
            nullIf(arrayLast(e -> e != '', arrayMap(a -> a['exception.type'], `Events.Attributes`)), ''),
            nullIf(SpanAttributes['error.type'], ''),
            nullIf(SpanAttributes['http.response.status_code'], ''),
            nullIf(SpanAttributes['http.status_code'], ''),
            'error'
        ),
        ''
    ) AS ErrorType,
    if(
        Failed,
        otel_pipeline_mask_v1(substring(if(
            StatusMessage != '', StatusMessage, arrayLast(e -> e != '', arrayMap(a -> a['exception.message'], `Events.Attributes`))
        ), 1, 300)),
        ''
    ) AS ErrorMessage,
    if(Kind IN ('Client', 'Producer'), SpanAttributes['peer.service'], '') AS Peer,
    ResourceAttributes['service.version'] AS Version
FROM otel_traces
WHERE Timestamp >= {start:DateTime64(9)} - INTERVAL 15 MINUTE
    AND Timestamp < {end:DateTime64(9)} + INTERVAL 15 MINUTE
    AND TraceId IN (
        SELECT TraceId
        FROM otel_traces
        WHERE Timestamp >= {start:DateTime64(9)} - INTERVAL 15 MINUTE AND Timestamp < {end:DateTime64(9)} + INTERVAL 15 MINUTE AND TraceId != ''
            AND cityHash64(TraceId) % {slices:UInt32} = {slice:UInt32}
            AND ({whole:Bool} OR TraceId IN (SELECT TraceId FROM {touched:Identifier}))
        GROUP BY TraceId
        HAVING min(Timestamp) >= {start:DateTime64(9)} AND min(Timestamp) < {end:DateTime64(9)}
    )
LIMIT 1 BY TraceId, SpanId
