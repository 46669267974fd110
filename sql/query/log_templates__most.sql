-- Grain: a template of the hour, the ones with most lines first. Called by log_templates for the asset's page.
SELECT
    sum(c.Count) AS lines,
    any(t.SeverityText) AS severity,
    arrayStringConcat(arraySort(groupUniqArray(c.ServiceName)), ', ') AS services,
    any(t.Text) AS template
FROM log_template_counts AS c
INNER JOIN (SELECT * FROM log_templates FINAL) AS t ON t.TemplateId = c.TemplateId
WHERE c.Hour = {hour:DateTime}
GROUP BY c.TemplateId
ORDER BY lines DESC, template
LIMIT 20
