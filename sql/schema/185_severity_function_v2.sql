-- One spelling of severities: TRACE, DEBUG, INFO, WARN, ERROR, FATAL; '' where the source gave neither text nor number; other words as they are, in capitals.
-- Sources write 'Error', 'err', '[ERROR]', 'level=error', 'ERROR2', 'dpanic', a letter ('E', or 'E0412' as glog does), or only a number.
-- A number of OpenTelemetry's scale decides (logs data model, "Severity Fields"). As a text, 0 to 7 are syslog's levels (RFC 5424), tens up to 60 those of
-- bunyan and pino, hundreds those of java.util.logging, and the rest up to 24 OpenTelemetry's.
-- Called by log_templates, trace_summaries and whoever reads otel_logs.
CREATE OR REPLACE FUNCTION otel_pipeline_severity_v2 ${ON_CLUSTER} AS (severity_text, severity_number) ->
    multiIf(
        severity_number BETWEEN 1 AND 4, 'TRACE',
        severity_number BETWEEN 5 AND 8, 'DEBUG',
        severity_number BETWEEN 9 AND 12, 'INFO',
        severity_number BETWEEN 13 AND 16, 'WARN',
        severity_number BETWEEN 17 AND 20, 'ERROR',
        severity_number BETWEEN 21 AND 24, 'FATAL',
        transform(
            extract(
                replaceRegexpOne(upper(severity_text), '^\\W*(?:LOG_?)?(?:LEVEL|LVL|SEVERITY|PRIORITY)\\W+', ''),
                '^\\W*([A-Z]+|[0-9]+)'
            ),
            [
                'T', 'V', 'TRC', 'VRB', 'VERBOSE', 'FINER', 'FINEST', 'SILLY', '10', '300', '400',
                'D', 'DBG', 'DEBU', 'FINE', 'CONFIG', '7', '20', '8', '500', '700',
                'I', 'N', 'INF', 'INFORMATION', 'INFORMATIONAL', 'NOTICE', 'LOG', 'SUCCESS', '5', '6', '30', '9', '11', '12', '800',
                'W', 'WRN', 'WARNING', '4', '40', '13', '14', '15', '16', '900',
                'E', 'ERR', 'ERRO', 'SEVERE', 'FAIL', 'FAILURE', 'EXCEPTION', '3', '50', '17', '18', '19', '1000',
                'F', 'C', 'A', 'P', 'FTL', 'CRIT', 'CRITICAL', 'ALERT', 'EMERG', 'EMERGENCY', 'PANIC', 'DPANIC', '0', '1', '2', '60', '21', '22', '23', '24',
                'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'
            ],
            [
                'TRACE', 'TRACE', 'TRACE', 'TRACE', 'TRACE', 'TRACE', 'TRACE', 'TRACE', 'TRACE', 'TRACE', 'TRACE',
                'DEBUG', 'DEBUG', 'DEBUG', 'DEBUG', 'DEBUG', 'DEBUG', 'DEBUG', 'DEBUG', 'DEBUG', 'DEBUG',
                'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO', 'INFO',
                'WARN', 'WARN', 'WARN', 'WARN', 'WARN', 'WARN', 'WARN', 'WARN', 'WARN', 'WARN',
                'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR', 'ERROR',
                'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL', 'FATAL',
                'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'
            ],
            upper(trimBoth(severity_text))
        )
    )
