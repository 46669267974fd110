-- Grain: a template met in the hour. Called by log_templates: sums the catalogue's rows up again from all hours that are kept.
-- What was seen before those hours is kept as FirstSeen.
INSERT INTO log_templates (TemplateId, Text, TextHash, Services, SeverityText, SeverityNumber, FirstSeen, LastSeen, Count, MaskVersion, Revision)
WITH met AS (SELECT TemplateId FROM log_template_counts WHERE Hour = {hour:DateTime})
SELECT
    c.TemplateId AS TemplateId,
    any(t.Text) AS Text,
    cityHash64(Text) AS TextHash,
    arraySort(groupUniqArray(c.ServiceName)) AS Services,
    argMax(
        c.SeverityText,
        (indexOf(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'], toString(c.SeverityText)), c.SeverityText)
    ) AS SeverityText,
    max(c.SeverityNumber) AS SeverityNumber,
    least(min(c.FirstSeen), ifNull(any(k.FirstSeen), min(c.FirstSeen))) AS FirstSeen,
    max(c.LastSeen) AS LastSeen,
    sum(c.Count) AS Count,
    any(t.MaskVersion) AS MaskVersion,
    any(t.Revision) AS Revision
FROM log_template_counts AS c
INNER JOIN (SELECT * FROM log_template_texts FINAL WHERE TemplateId IN (met)) AS t ON t.TemplateId = c.TemplateId
LEFT JOIN (SELECT TemplateId, toNullable(FirstSeen) AS FirstSeen FROM log_templates FINAL WHERE TemplateId IN (met)) AS k ON k.TemplateId = c.TemplateId
WHERE c.TemplateId IN (met)
GROUP BY c.TemplateId
