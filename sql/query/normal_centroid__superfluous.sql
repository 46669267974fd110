-- Grain: a version. Key: Version. Called by detection.normal_centroid: versions that end in the hour and that, by what is known now, should not be there: an
-- operation turned out to be older or newer than it seemed.
SELECT DISTINCT BaselineVersion AS Version
FROM normal_centroids
WHERE BaselineVersion > {hour:DateTime} AND BaselineVersion <= {hour:DateTime} + INTERVAL 1 HOUR AND BaselineVersion NOT IN {ends:Array(DateTime)}
ORDER BY Version
