-- Grain: service that logs. Key: Service. Called by detection.signals: its lines by the minute, as (minute, lines); the minute in minutes since 1970.
SELECT Service, arraySort(groupArray((M, N))) AS Course
FROM
(
    SELECT ServiceName AS Service, toInt64(intDiv(toUnixTimestamp(Minute), 60)) AS M, toInt64(sum(Count)) AS N
    FROM log_template_minutes
    WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour < {end:DateTime} AND Minute >= {since:DateTime}
    GROUP BY Service, M
)
GROUP BY Service
ORDER BY Service
