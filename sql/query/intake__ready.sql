-- Grain: none. Called by the intake's /readyz: fails where the server, the user, the database or the raw tables are missing.
SELECT 1 FROM otel_traces, otel_logs, hyperdx_sessions, otel_metrics_gauge LIMIT 0
