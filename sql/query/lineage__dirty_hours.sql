-- Grain: an hour whose raw rows are not what it was last processed with. Key: Hour. Called by the sensors and by detection.lineage; oldest first.
-- An hour's own minutes and the minute on either side count at once; the rest of the 15 minutes beside it only when they are over, so that a
-- fresh hour does not keep its neighbour busy. Little: so few of its rows are new that it can wait.
WITH
    arrived AS
    (
        SELECT Source, Minute, sum(Rows) AS Rows
        FROM raw_arrivals
        WHERE Minute >= {since:DateTime} - INTERVAL 15 MINUTE AND Minute < {until:DateTime} + INTERVAL 15 MINUTE
        GROUP BY Source, Minute
    ),
    expected AS
    (
        SELECT Hour, Source, Minute, Rows
        FROM
        (
            SELECT
                Source, Minute, Rows,
                arrayJoin(arrayDistinct([
                    toStartOfHour(Minute), toStartOfHour(Minute - INTERVAL 15 MINUTE), toStartOfHour(Minute + INTERVAL 15 MINUTE)
                ])) AS Hour
            FROM arrived
        )
        WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour < {until:DateTime}
            AND (
                (Minute >= Hour - INTERVAL 1 MINUTE AND Minute <= Hour + INTERVAL 60 MINUTE)
                OR Minute < {now:DateTime} - INTERVAL 15 MINUTE
            )
    ),
    processed AS
    (
        SELECT Hour, Source, Minute, Rows
        FROM lineage_state FINAL
        WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour < {until:DateTime}
    )
SELECT
    e.Hour AS Hour,
    sum(toInt64(e.Rows) - toInt64(p.Rows)) AS NewRows,
    max(e.Minute) AS NewestMinute,
    max(p.Hour) = 0 AS Never,
    abs(NewRows) < greatest(20, 0.01 * sum(e.Rows)) AS Little
FROM expected AS e
LEFT JOIN processed AS p ON e.Hour = p.Hour AND e.Source = p.Source AND e.Minute = p.Minute
GROUP BY Hour
HAVING countIf(e.Rows != p.Rows) > 0 AND countIf(e.Minute >= Hour AND e.Minute < Hour + INTERVAL 1 HOUR) > 0
ORDER BY Hour
