-- Whether a span failed, the one definition of it: its status is Error, whatever its kind; or it answered, or was answered, with an HTTP status of 500 or
-- more, or with a status of a remote procedure call that OpenTelemetry counts as the server's fault; or, where none of the three says anything, an exception
-- escaped from it. Recorded exceptions that are marked as not escaped were handled. Called by every query that counts failures.
CREATE OR REPLACE FUNCTION otel_pipeline_failed_v1 ${ON_CLUSTER} AS (status_code, attributes, event_names, event_attributes) ->
    multiIf(
        otel_pipeline_enum_v1(status_code) = 'Error', true,
        otel_pipeline_http_status_v1(attributes) > 0, otel_pipeline_http_status_v1(attributes) >= 500,
        otel_pipeline_rpc_status_v1(attributes) != '',
            otel_pipeline_rpc_status_v1(attributes) IN ('UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'),
        empty(event_names) OR otel_pipeline_enum_v1(status_code) = 'Ok', false,
        arrayExists((name, event) -> name = 'exception' AND lower(event['exception.escaped']) != 'false', event_names, event_attributes)
    )
