-- Grain: one row. Called by detection.trace_summaries: how many traces have spans far from the hour, and how far.
SELECT count() AS Traces, min(First) AS Since, max(Last) + 1 AS Until FROM {far:Identifier}
