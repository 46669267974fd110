-- Grain: template of a service in a window, the one with most lines first. Called by detection.signals.lines for what it found: text, lines, first and last
-- line, traces.
SELECT
    m.TemplateId AS Template,
    any(t.Text) AS Text,
    sum(m.Count) AS Lines,
    min(m.FirstSeen) AS First,
    max(m.LastSeen) AS Last,
    arraySlice(arrayDistinct(arrayFilter(trace -> trace != '', arrayMap(e -> e.2, arrayFlatten(groupArray(m.Examples))))), 1, 5) AS Traces
FROM log_template_minutes AS m
INNER JOIN (SELECT TemplateId, Text FROM log_templates FINAL) AS t ON t.TemplateId = m.TemplateId
WHERE m.Hour >= toStartOfHour({start:DateTime}) AND m.Hour < {end:DateTime} AND m.Minute >= {start:DateTime} AND m.Minute < {end:DateTime}
    AND m.ServiceName = {service:String} AND m.SeverityText IN {severities:Array(String)}
    AND (empty({templates:Array(UInt64)}) OR m.TemplateId IN {templates:Array(UInt64)})
GROUP BY Template
ORDER BY Lines DESC, Template
LIMIT 5
