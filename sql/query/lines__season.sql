-- Grain: a day before. Key: Day. Called by detection.signals.lines: lines of a service in the same hours of the days before on which it logged anything then.
SELECT
    intDiv(dateDiff('hour', Hour, toStartOfHour({start:DateTime})) + 1, 24) AS Day,
    sumIf(Count, SeverityText IN {severities:Array(String)} AND (empty({templates:Array(UInt64)}) OR TemplateId IN {templates:Array(UInt64)})) AS Lines
FROM log_template_counts
WHERE Hour IN {hours:Array(DateTime)} AND ServiceName = {service:String}
GROUP BY Day
HAVING Day > 0
