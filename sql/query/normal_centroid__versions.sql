-- Grain: one row. Called by detection.normal_centroid.
SELECT uniqExact(BaselineVersion) AS Versions FROM normal_centroids WHERE BaselineVersion < {end:DateTime}
