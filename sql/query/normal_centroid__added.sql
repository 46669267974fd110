-- Grain: one row. Called by detection.normal_centroid for hours that are long over: traces that a version could be learned from, and how many of them were
-- summarised after it was learned; spans of its time, and how many of those of the hour have come since the hour was last processed.
WITH (SELECT min(WrittenAt) FROM normal_centroids WHERE BaselineVersion = {end:DateTime}) AS Learned
SELECT
    count() AS Traces,
    countIf(WrittenAt >= Learned) AS Rewritten,
    (SELECT sum(Rows) FROM raw_arrivals WHERE Source = 'traces' AND Minute >= {since:DateTime} AND Minute < {end:DateTime}) AS Spans,
    toInt64((
        SELECT sum(Rows)
        FROM raw_arrivals
        WHERE Source = 'traces' AND Minute >= {hour:DateTime} AND Minute < {hour:DateTime} + INTERVAL 1 HOUR
    )) - toInt64((
        SELECT sum(Rows)
        FROM lineage_state FINAL
        WHERE Hour = {hour:DateTime} AND Source = 'traces' AND Minute >= Hour AND Minute < Hour + INTERVAL 1 HOUR
    )) AS Fresh
FROM trace_summaries
WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour <= {hour:DateTime} AND Timestamp >= {since:DateTime} AND Timestamp < {end:DateTime}
