-- Grain: template × service × severity of the hour. Called by log_templates: the minutes of the hour summed up, into the hour's partition.
INSERT INTO {stage:Identifier}
SELECT
    c.Hour AS Hour,
    TemplateId,
    ServiceName,
    SeverityText,
    max(c.SeverityNumber) AS SeverityNumber,
    sum(c.Count) AS Count,
    min(c.FirstSeen) AS FirstSeen,
    max(c.LastSeen) AS LastSeen,
    arrayMap(e -> e.3, arraySlice(arraySort(arrayFlatten(groupArray(c.Examples))) AS Found, 1, 3)) AS ExampleBodies,
    arraySlice(arrayDistinct(arrayFilter(t -> t != '', arrayMap(e -> e.2, arraySlice(Found, 1, 3)))), 1, 3) AS ExampleTraceIds
FROM log_template_minutes AS c
WHERE Hour = {hour:DateTime}
GROUP BY Hour, TemplateId, ServiceName, SeverityText
