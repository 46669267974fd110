-- Grain: minute × template × service × severity. Called by log_templates: from masks to templates, into a staging table of the form of log_template_minutes.
INSERT INTO {stage:Identifier}
SELECT
    toStartOfHour(Minute) AS Hour,
    Minute,
    m.TemplateId AS TemplateId,
    ServiceName,
    SeverityText,
    max(s.SeverityNumber) AS SeverityNumber,
    sum(s.Count) AS Count,
    min(s.FirstSeen) AS FirstSeen,
    max(s.LastSeen) AS LastSeen,
    arraySlice(arrayDistinct(arraySort(arrayFlatten(groupArray(s.Examples)))), 1, 3) AS Examples,
    sum(s.Repeated) AS Repeated
FROM {masked:Identifier} AS s
INNER JOIN (
    SELECT MaskHash, TemplateId
    FROM log_template_masks FINAL
    WHERE MaskHash IN (SELECT MaskHash FROM {masked:Identifier})
) AS m USING (MaskHash)
GROUP BY Minute, TemplateId, ServiceName, SeverityText
