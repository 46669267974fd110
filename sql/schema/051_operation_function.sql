-- An operation's name without ids that instrumentation left in it: 'GET /products/17' is 'GET /products/<*>'.
-- Called by trace_summaries; without it each id would make a shape of its own.
CREATE OR REPLACE FUNCTION otel_pipeline_operation_v1 ${ON_CLUSTER} AS (name) ->
    replaceRegexpAll(name, '\\b([0-9]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9a-fA-F]{16,})\\b', '<*>')
