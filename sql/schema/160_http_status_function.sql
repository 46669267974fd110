-- HTTP status of a span or log record, 0 without one: the new name, the old one, or both at once. Called by the queries that ask whether a request failed.
CREATE OR REPLACE FUNCTION otel_pipeline_http_status_v1 ${ON_CLUSTER} AS (attributes) ->
    greatest(toUInt16OrZero(attributes['http.response.status_code']), toUInt16OrZero(attributes['http.status_code']))
