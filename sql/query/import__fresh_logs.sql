-- Grain: a staged log line that otel_logs does not hold yet. Key: none. Called by importer, into a staging table.
CREATE TABLE {stage:Identifier} ENGINE = MergeTree ORDER BY tuple() AS
SELECT *
FROM {rows:Identifier}
WHERE cityHash64(Timestamp, TraceId, SpanId, ServiceName, Body) NOT IN (
    SELECT cityHash64(Timestamp, TraceId, SpanId, ServiceName, Body)
    FROM otel_logs
    WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp <= {end:DateTime64(3)} + INTERVAL 1 SECOND
)
