-- Grain: one row. Called by detection.anomaly_scores: how many scores the hour must have.
SELECT count() AS Traces FROM trace_summaries WHERE Hour = {hour:DateTime}
