-- Grain: a day before. Key: Day. Called by detection.signals.lines: lines of a service at the same time of the days before on which it logged anything then, a
-- quarter of an hour earlier and later included.
SELECT
    Day,
    sumIf(Count, SeverityText IN {severities:Array(String)} AND (empty({templates:Array(UInt64)}) OR TemplateId IN {templates:Array(UInt64)})) AS Lines
FROM log_template_minutes
ARRAY JOIN {days:Array(UInt16)} AS Day
WHERE Hour IN {hours:Array(DateTime)} AND ServiceName = {service:String}
    AND Minute >= {start:DateTime} - INTERVAL 15 MINUTE - toIntervalDay(Day) AND Minute < {end:DateTime} + INTERVAL 15 MINUTE - toIntervalDay(Day)
GROUP BY Day
