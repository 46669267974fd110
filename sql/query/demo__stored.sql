-- Grain: one row. Called by demo.counts: what the raw tables hold of the given service instances.
SELECT
    (
        SELECT (count(), uniqExact(TraceId)) FROM otel_traces
        WHERE Timestamp >= {since:DateTime64(3)} AND ResourceAttributes['service.instance.id'] IN {instances:Array(String)}
    ) AS SpansTraces,
    (
        SELECT count() FROM otel_logs
        WHERE Timestamp >= {since:DateTime64(3)} AND ResourceAttributes['service.instance.id'] IN {instances:Array(String)}
    ) AS Logs
