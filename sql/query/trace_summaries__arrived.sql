-- Grain: one row. Called by detection.trace_summaries: spans that have arrived for the hour.
SELECT sum(Rows) AS Spans
FROM raw_arrivals
WHERE Source = 'traces' AND Minute >= {hour:DateTime} AND Minute < {hour:DateTime} + INTERVAL 1 HOUR
