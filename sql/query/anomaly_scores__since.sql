-- Grain: one row. Called by detection.anomaly_scores: what of an hour has to be scored again. Since: summaries that are not older than the newest score;
-- From: traces that begin when or after a baseline ended that was learned since. Judges: the baselines that there are; scores by others have to go.
WITH (SELECT max(WrittenAt) FROM anomaly_scores WHERE Hour = {hour:DateTime}) AS Newest
SELECT
    Newest AS Since,
    ifNull(minOrNullIf(BaselineVersion, Learned >= Newest), toDateTime('2106-01-01', 'UTC')) AS From,
    arrayPushBack(groupArray(BaselineVersion), toDateTime(0, 'UTC')) AS Judges
FROM
(
    SELECT BaselineVersion, max(WrittenAt) AS Learned
    FROM normal_centroids
    WHERE BaselineVersion <= {hour:DateTime} + INTERVAL 1 HOUR
    GROUP BY BaselineVersion
)
