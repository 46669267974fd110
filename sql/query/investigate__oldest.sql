-- Grain: one row. Called by investigate.recurrence: the first hour that was summarised.
SELECT min(Hour) AS First FROM trace_summaries
