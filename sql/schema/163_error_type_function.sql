-- What a failed span failed with: the type of its last exception, error.type, the HTTP status, or that of the remote procedure call. Called by trace_summaries.
CREATE OR REPLACE FUNCTION otel_pipeline_error_type_v1 ${ON_CLUSTER} AS (attributes, event_attributes) ->
    coalesce(
        nullIf(arrayLast(e -> e != '', arrayMap(a -> a['exception.type'], event_attributes)), ''),
        nullIf(attributes['error.type'], ''),
        nullIf(toString(otel_pipeline_http_status_v1(attributes)), '0'),
        nullIf(nullIf(otel_pipeline_rpc_status_v1(attributes), ''), 'OK'),
        'error'
    )
