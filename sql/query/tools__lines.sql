-- Grain: a log line. Called by tools.traces: what one trace logged, the gravest first, then in order of time.
SELECT Timestamp, ServiceName AS Service, otel_pipeline_severity_v2(SeverityText, SeverityNumber) AS Severity, substring(Body, 1, 1000) AS Line
FROM otel_logs
WHERE TraceId = {trace_id:String} AND Body != ''
ORDER BY Severity IN ('FATAL', 'ERROR') DESC, Severity = 'WARN' DESC, Timestamp
LIMIT 20
