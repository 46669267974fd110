-- Grain: source × minute. Called by detection.lineage: minutes of an hour, 15 beside it and the far ones of its traces, for which rows have arrived since the hour was last
-- processed; and whether it was last processed in all its minutes by the code of today (Known).
WITH
    (SELECT count() > 0 AND countIf(CodeVersion != {code_version:String}) = 0 FROM lineage_state FINAL WHERE Hour = {hour:DateTime}) AS Known
SELECT a.Source AS Source, a.Minute AS Minute, Known
FROM
(
    SELECT Source, Minute, sum(Rows) AS Rows
    FROM raw_arrivals
    WHERE (Minute >= {hour:DateTime} - INTERVAL 15 MINUTE AND Minute < {hour:DateTime} + INTERVAL 75 MINUTE)
        OR Minute IN (SELECT Minute FROM lineage_far WHERE Hour = {hour:DateTime})
    GROUP BY Source, Minute
) AS a
LEFT JOIN (SELECT Source, Minute, Rows FROM lineage_state FINAL WHERE Hour = {hour:DateTime}) AS p ON a.Source = p.Source AND a.Minute = p.Minute
WHERE a.Rows != p.Rows OR NOT Known
ORDER BY Source, Minute
