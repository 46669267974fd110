-- Whether a span is a request, the one definition of it: it serves a call or a message, or nobody called it. Called by every query that counts requests.
CREATE OR REPLACE FUNCTION otel_pipeline_entry_v1 ${ON_CLUSTER} AS (span_kind, parent_span_id) ->
    parent_span_id = '' OR otel_pipeline_enum_v1(span_kind) IN ('Server', 'Consumer')
