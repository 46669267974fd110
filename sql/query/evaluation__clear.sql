-- Called by evaluation.ablation, in a database of its own.
TRUNCATE TABLE trace_summaries
