-- One spelling of severities: TRACE, DEBUG, INFO, WARN, ERROR, FATAL, or '' where the source gave neither text nor number.
-- Sources write 'Error', 'err', 'warning', 'critical', or only a number (OpenTelemetry logs data model, "Severity Fields").
CREATE OR REPLACE FUNCTION otel_pipeline_severity_v1 ${ON_CLUSTER} AS (severity_text, severity_number) ->
    multiIf(
        severity_number BETWEEN 1 AND 4, 'TRACE',
        severity_number BETWEEN 5 AND 8, 'DEBUG',
        severity_number BETWEEN 9 AND 12, 'INFO',
        severity_number BETWEEN 13 AND 16, 'WARN',
        severity_number BETWEEN 17 AND 20, 'ERROR',
        severity_number BETWEEN 21 AND 24, 'FATAL',
        transform(
            upper(severity_text),
            ['WARNING', 'ERR', 'SEVERE', 'CRITICAL', 'CRIT', 'ALERT', 'EMERGENCY', 'EMERG', 'PANIC', 'NOTICE', 'INFORMATION', 'FINE', 'FINER', 'FINEST', 'VERBOSE'],
            ['WARN', 'ERROR', 'ERROR', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'INFO', 'INFO', 'DEBUG', 'TRACE', 'TRACE', 'TRACE'],
            upper(severity_text)
        )
    )
