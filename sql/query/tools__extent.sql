-- Grain: one row. Called by tools.nothing: what there is at all, so that an empty answer can be explained.
SELECT
    (SELECT count() FROM otel_traces) AS Spans,
    (SELECT min(Timestamp) FROM otel_traces) AS First,
    (SELECT max(Timestamp) FROM otel_traces) AS Last,
    (SELECT max(Timestamp) FROM otel_logs) AS LastLine,
    (SELECT max(Hour) FROM trace_summaries) AS Processed,
    (SELECT count() FROM otel_traces WHERE Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}) AS Inside
