-- One spelling of span kinds and status codes: SPAN_KIND_SERVER and Server are 'Server', STATUS_CODE_ERROR and Error are 'Error'.
-- Called by the queries that read otel_traces.
CREATE OR REPLACE FUNCTION otel_pipeline_enum_v1 ${ON_CLUSTER} AS (value) ->
    initcap(replaceRegexpOne(lower(value), '^(span_kind_|status_code_)', ''))
