-- Grain: one row. Called by detection.normal_centroid for hours that are long over: traces that a version could be learned from, and how many of them
-- were written after it was learned.
WITH (SELECT min(WrittenAt) FROM normal_centroids WHERE BaselineVersion = {end:DateTime}) AS Learned
SELECT count() AS Traces, countIf(WrittenAt >= Learned) AS Added
FROM trace_summaries
WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour <= {hour:DateTime} AND Timestamp >= {since:DateTime} AND Timestamp < {end:DateTime}
