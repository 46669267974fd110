-- Grain: one row. Called by evaluation.memory: first and last span.
SELECT toDateTime64(min(Timestamp), 3) AS Start, toDateTime64(max(Timestamp), 3) + INTERVAL 1 SECOND AS End FROM otel_traces
