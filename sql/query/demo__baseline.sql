-- Grain: one row. Called by demo.show: the newest baseline, and how much traffic has been judged by it.
SELECT
    (SELECT max(BaselineVersion) FROM normal_centroids WHERE WindowStart >= toStartOfDay({since:DateTime64(3)})) AS Version,
    (
        SELECT count() FROM anomaly_scores
        WHERE Hour >= toStartOfHour({since:DateTime64(3)}) AND Timestamp >= {since:DateTime64(3)} AND Verdict IN ('normal', 'anomalous')
    ) AS Judged
