-- Grain: one row. Called by evaluation.investigations: from when to when traces have been summarised.
SELECT min(Timestamp) AS Start, max(Timestamp) AS End FROM trace_summaries
