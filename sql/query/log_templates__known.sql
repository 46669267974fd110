-- Grain: a template that has masks. Key: TemplateId. Called by log_templates, which merges new masks into these. Since: when it was first met; later than
-- all others where no hour has been counted with it.
SELECT t.TemplateId AS TemplateId, t.Text AS Text, t.Revision AS Revision, if(k.TemplateId = 0, 1e10, toFloat64(toUnixTimestamp(k.FirstSeen))) AS Since
FROM (SELECT TemplateId, Text, Revision FROM log_template_texts FINAL WHERE TemplateId IN (SELECT TemplateId FROM log_template_masks)) AS t
LEFT JOIN (SELECT TemplateId, FirstSeen FROM log_templates FINAL) AS k ON k.TemplateId = t.TemplateId
ORDER BY TemplateId
