-- Grain: a span of a chosen trace. Key: (Id, Service, Kind), for tracers after the manner of Zipkin give both sides of a call one id. Called by
-- detection.trace_summaries as its third step, into a staging table: names and enums in one spelling, duplicates of a delivery repeated by its sender removed.
-- Spans may lie 15 minutes beside the hour; those of the traces in the table Far anywhere from Since to Until.
-- Links: the spans that one which takes a message, or that nobody called, names as what it goes back to.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    cityHash64(TraceId) AS Trace,
    TraceId,
    cityHash64(TraceId, SpanId) AS Id,
    cityHash64(Id, ServiceName, Kind) AS Key,
    if(ParentSpanId = '', 0, cityHash64(TraceId, ParentSpanId)) AS ParentId,
    ServiceName AS Service,
    otel_pipeline_operation_v1(SpanName) AS Operation,
    otel_pipeline_enum_v1(SpanKind) AS Kind,
    toUnixTimestamp64Nano(Timestamp) AS Start,
    toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) AS End,
    otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`) AS Failed,
    if(Failed, otel_pipeline_error_type_v1(SpanAttributes, `Events.Attributes`), '') AS ErrorType,
    if(
        Failed,
        otel_pipeline_mask_v1(substring(if(
            StatusMessage != '', StatusMessage, arrayLast(e -> e != '', arrayMap(a -> a['exception.message'], `Events.Attributes`))
        ), 1, 300)),
        ''
    ) AS ErrorMessage,
    if(Kind IN ('Client', 'Producer'), SpanAttributes['peer.service'], '') AS Peer,
    ResourceAttributes['service.version'] AS Version,
    otel_pipeline_environment_v1(ResourceAttributes) AS Environment,
    if(Kind = 'Consumer' OR ParentSpanId = '', arrayFilter(l -> l.2 != SpanId AND l.2 != ParentSpanId, arrayZip(`Links.TraceId`, `Links.SpanId`)), []) AS Links
FROM
(
    SELECT *
    FROM otel_traces
    WHERE Timestamp >= {start:DateTime64(9)} - INTERVAL 15 MINUTE AND Timestamp < {end:DateTime64(9)} + INTERVAL 15 MINUTE
        AND TraceId IN (SELECT TraceId FROM {chosen:Identifier} WHERE Chosen)
    UNION ALL
    SELECT *
    FROM otel_traces
    WHERE Timestamp >= {since:DateTime64(9)} AND Timestamp < {until:DateTime64(9)}
        AND (Timestamp < {start:DateTime64(9)} - INTERVAL 15 MINUTE OR Timestamp >= {end:DateTime64(9)} + INTERVAL 15 MINUTE)
        AND TraceId IN (SELECT TraceId FROM {far:Identifier})
    LIMIT 10000 BY TraceId -- a trace that never ends would fill the memory
)
LIMIT 1 BY Id, Service, Kind
