-- Grain: a service that traces name, the busiest first. Called by otel_pipeline.agent.unaided, to find names in a question.
-- Parameters: start, end.
SELECT ServiceName AS Service, count() AS Spans
FROM otel_traces
WHERE Timestamp >= {start:DateTime} AND Timestamp < {end:DateTime} AND ServiceName != ''
GROUP BY ServiceName
ORDER BY Spans DESC
LIMIT 1000
