-- Grain: an hour whose raw rows are not what it was last processed with. Key: Hour. Called by the sensors and by detection.lineage; oldest first.
-- An hour's own minutes and the minute on either side count at once; the rest of the 15 minutes beside it only when they are over, so that a
-- fresh hour does not keep its neighbour busy. So does what arrives for a minute far from an hour in which its traces have spans. An hour is dirty, too, when
-- traces of it are due to be looked at again, though nothing has come. Little: so few of its rows are new that it can wait.
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
        UNION ALL
        SELECT f.Hour AS Hour, a.Source AS Source, f.Minute AS Minute, a.Rows AS Rows
        FROM
        (
            SELECT DISTINCT Hour, Minute
            FROM lineage_far
            WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour < {until:DateTime}
                AND (Minute < Hour - INTERVAL 15 MINUTE OR Minute >= Hour + INTERVAL 75 MINUTE)
        ) AS f
        INNER JOIN
        (
            SELECT Source, Minute, sum(Rows) AS Rows
            FROM raw_arrivals
            WHERE Minute IN (SELECT Minute FROM lineage_far WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour < {until:DateTime})
            GROUP BY Source, Minute
        ) AS a ON f.Minute = a.Minute
    ),
    due AS
    (
        SELECT DISTINCT Hour
        FROM trace_summaries
        WHERE Hour >= toStartOfHour({now:DateTime}) - INTERVAL 1 HOUR AND DueAt > toDateTime(0) AND DueAt <= {now:DateTime}
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
HAVING (countIf(e.Rows != p.Rows) > 0 OR Hour IN (SELECT Hour FROM due)) AND countIf(e.Minute >= Hour AND e.Minute < Hour + INTERVAL 1 HOUR) > 0
ORDER BY Hour
