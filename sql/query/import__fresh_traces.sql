-- Grain: a staged span that otel_traces does not hold yet. Key: (TraceId, SpanId, ServiceName, SpanKind). Called by importer, into a staging table.
CREATE TABLE {stage:Identifier} ENGINE = MergeTree ORDER BY tuple() AS
SELECT *
FROM {rows:Identifier}
WHERE (TraceId, SpanId, ServiceName, otel_pipeline_enum_v1(SpanKind)) NOT IN (
    SELECT TraceId, SpanId, ServiceName, otel_pipeline_enum_v1(SpanKind)
    FROM otel_traces
    WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp <= {end:DateTime64(3)} + INTERVAL 1 SECOND
)
