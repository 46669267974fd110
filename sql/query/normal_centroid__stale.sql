-- Grain: one row. Called by detection.normal_centroid: whether a version is there, and whether anything that it was learned from has been written since:
-- summaries of the present hour before its end, or any of the hours before that it looks back over.
WITH (SELECT min(WrittenAt) FROM normal_centroids WHERE BaselineVersion = {end:DateTime}) AS Learned
SELECT
    (SELECT count() FROM normal_centroids WHERE BaselineVersion = {end:DateTime}) > 0 AS There,
    (SELECT max(WrittenAt) FROM trace_summaries WHERE Hour = {hour:DateTime} AND Timestamp < {end:DateTime}) >= Learned
        OR (SELECT max(ProcessedAt) FROM lineage_state WHERE Hour < {hour:DateTime} AND Hour >= toStartOfHour({since:DateTime})) >= Learned AS Stale
