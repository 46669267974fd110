-- The number of a severity, 1 to 24 (OpenTelemetry's logs data model); of its text where the source gave none; 0 where that says nothing either.
-- Called by log_templates and trace_summaries.
CREATE OR REPLACE FUNCTION otel_pipeline_severity_number_v1 ${ON_CLUSTER} AS (severity_text, severity_number) ->
    toUInt8(if(
        severity_number BETWEEN 1 AND 24,
        severity_number,
        transform(otel_pipeline_severity_v2(severity_text, 0), ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'], [1, 5, 9, 13, 17, 21], 0)
    ))
