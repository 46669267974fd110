-- Counts the arrivals of otel_logs in raw_arrivals.
CREATE MATERIALIZED VIEW IF NOT EXISTS raw_arrivals_logs_mv ${ON_CLUSTER} TO raw_arrivals AS
SELECT 'logs' AS Source, toStartOfMinute(toDateTime(Timestamp)) AS Minute, count() AS Rows
FROM otel_logs
GROUP BY Minute
