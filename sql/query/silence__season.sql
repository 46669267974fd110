-- Grain: a day before. Key: Day. Called by detection.signals.silence: traces of a root service, or of one of its operations, in the same time of the days
-- before, and in the hour before that.
SELECT
    Day,
    countIf(Timestamp >= {start:DateTime} - toIntervalDay(Day)) AS Traces,
    countIf(Timestamp < {start:DateTime} - toIntervalDay(Day)) AS Before
FROM
(
    SELECT Timestamp, intDiv(dateDiff('second', toDateTime(Timestamp), {end:DateTime}), 86400) AS Day
    FROM trace_summaries
    WHERE Hour IN {hours:Array(DateTime)} AND RootService = {service:String} AND Environment = {environment:String} AND ({operation:String} = '' OR RootOperation = {operation:String})
        AND Timestamp >= {start:DateTime} - INTERVAL 1 HOUR - toIntervalDay(Day) AND Timestamp < {end:DateTime} - toIntervalDay(Day) AND Day > 0
)
GROUP BY Day
