-- Grain: a span of the batch. Key: none. The writer of the intake (otel_pipeline/intake/writer.py) sends it with a batch as data.
-- Kinds and status codes in the Collector's spelling of today; unknown numbers are '', as there.
INSERT INTO ${TABLE}
${VALUES}
SELECT
    instant(span.start_time_unix_nano) AS Timestamp,
    hex_id(span.trace_id) AS TraceId,
    hex_id(span.span_id) AS SpanId,
    hex_id(span.parent_span_id) AS ParentSpanId,
    span.trace_state AS TraceState,
    span.name AS SpanName,
    transform(span.kind, [0, 1, 2, 3, 4, 5], ['Unspecified', 'Internal', 'Server', 'Client', 'Producer', 'Consumer'], '') AS SpanKind,
    ResourceAttributes['service.name'] AS ServiceName,
    ResourceAttributes,
    scope.scope.name AS ScopeName,
    scope.scope.version AS ScopeVersion,
    attributes(span.attributes) AS SpanAttributes,
    if(span.end_time_unix_nano > span.start_time_unix_nano, span.end_time_unix_nano - span.start_time_unix_nano, 0) AS Duration,
    transform(span.status.code, [0, 1, 2], ['Unset', 'Ok', 'Error'], '') AS StatusCode,
    span.status.message AS StatusMessage,
    arrayMap(event -> instant(event.time_unix_nano), span.events) AS `Events.Timestamp`,
    arrayMap(event -> event.name, span.events) AS `Events.Name`,
    arrayMap(event -> attributes(event.attributes), span.events) AS `Events.Attributes`,
    arrayMap(link -> hex_id(link.trace_id), span.links) AS `Links.TraceId`,
    arrayMap(link -> hex_id(link.span_id), span.links) AS `Links.SpanId`,
    arrayMap(link -> link.trace_state, span.links) AS `Links.TraceState`,
    arrayMap(link -> attributes(link.attributes), span.links) AS `Links.Attributes`
FROM
(
    SELECT attributes(resource_span.resource.attributes) AS ResourceAttributes, scope
    FROM (SELECT arrayJoin(resource_spans) AS resource_span FROM input('${STRUCTURE}'))
    ARRAY JOIN resource_span.scope_spans AS scope
)
ARRAY JOIN scope.spans AS span
FORMAT ProtobufSingle
