-- Grain: a staged span that otel_traces does not hold yet. Key: (TraceId, SpanId). Called by importer, into a staging table.
CREATE TABLE {stage:Identifier} ENGINE = MergeTree ORDER BY tuple() AS
SELECT *
FROM {rows:Identifier}
WHERE (TraceId, SpanId) NOT IN (
    SELECT TraceId, SpanId FROM otel_traces WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp <= {end:DateTime64(3)} + INTERVAL 1 SECOND
)
