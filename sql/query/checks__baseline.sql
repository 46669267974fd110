-- Grain: one row. Called by the check of normal_centroid, about now: age of the newest baseline version, and for how long there has been traffic (8 days at most).
SELECT
    (SELECT max(BaselineVersion) FROM normal_centroids) AS Newest,
    if(toUInt32(Newest) = 0, -1, dateDiff('second', Newest, now())) AS AgeSeconds,
    (SELECT if(count() = 0, 0, dateDiff('second', min(Timestamp), now())) FROM trace_summaries WHERE Hour >= now() - INTERVAL 8 DAY) AS TrafficSeconds
