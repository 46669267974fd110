-- Grain: one row. Called by detection.trace_summaries: the figures of an hour.
SELECT
    count() AS traces,
    countIf(NOT Complete) AS partial_traces,
    uniqExact(ShapeHash) AS shapes,
    sum(SpanCount) AS spans,
    countIf(ErrorCount > 0) AS traces_with_errors,
    countIf(has(Services, '(other)') OR has(`Self.Operation`, '(other)')) AS traces_with_other_names,
    if(traces = 0, 0, quantile(0.99)(Duration) / 1e6) AS p99_duration_ms
FROM trace_summaries
WHERE Hour = {hour:DateTime}
