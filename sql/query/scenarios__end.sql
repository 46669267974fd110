-- Grain: one row. Called by benchmarks.scenarios: when the traffic that has been processed ends.
SELECT max(Timestamp) AS End
FROM trace_summaries
