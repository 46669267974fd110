-- Grain: a log record of the batch. Key: none. The writer of the intake (otel_pipeline/intake/writer.py) sends it with a batch as data:
-- to otel_logs, and to hyperdx_sessions for the records that are rrweb events of a browser session.
INSERT INTO ${TABLE}
${VALUES}
SELECT
    instant(if(record.time_unix_nano = 0, record.observed_time_unix_nano, record.time_unix_nano)) AS Timestamp,
    hex_id(record.trace_id) AS TraceId,
    hex_id(record.span_id) AS SpanId,
    toUInt8(bitAnd(record.flags, 255)) AS TraceFlags,
    record.severity_text AS SeverityText,
    toUInt8(bitAnd(record.severity_number, 255)) AS SeverityNumber,
    ResourceAttributes['service.name'] AS ServiceName,
    ${TEXT}(record.body) AS Body,
    ResourceSchemaUrl,
    ResourceAttributes,
    scope.schema_url AS ScopeSchemaUrl,
    scope.scope.name AS ScopeName,
    scope.scope.version AS ScopeVersion,
    ScopeAttributes,
    attributes(record.attributes) AS LogAttributes,
    record.event_name AS EventName
FROM
(
    SELECT ResourceAttributes, ResourceSchemaUrl, scope, attributes(scope.scope.attributes) AS ScopeAttributes
    FROM
    (
        SELECT
            attributes(resource_log.resource.attributes) AS ResourceAttributes,
            resource_log.schema_url AS ResourceSchemaUrl,
            resource_log.scope_logs AS scopes
        FROM (SELECT arrayJoin(resource_logs) AS resource_log FROM input('${STRUCTURE}'))
    )
    ARRAY JOIN scopes AS scope
)
ARRAY JOIN scope.log_records AS record
WHERE ${CONDITION}
FORMAT ProtobufSingle
