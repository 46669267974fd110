-- Counts the arrivals of otel_traces in raw_arrivals.
CREATE MATERIALIZED VIEW IF NOT EXISTS raw_arrivals_traces_mv ${ON_CLUSTER} TO raw_arrivals AS
SELECT 'traces' AS Source, toStartOfMinute(toDateTime(Timestamp)) AS Minute, count() AS Rows
FROM otel_traces
GROUP BY Minute
