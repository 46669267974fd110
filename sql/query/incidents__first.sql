-- Grain: one row. Called by detection.incidents: the first trace in sight, judged or not.
SELECT toDateTime64(min(Timestamp), 3) AS First FROM trace_summaries WHERE Hour >= {start:DateTime} AND Hour < {end:DateTime}
