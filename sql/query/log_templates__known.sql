-- Grain: a template that has masks. Key: TemplateId. Called by log_templates, which merges new masks into these. Since: when it was first met; later than
-- all others where no hour has been counted with it. Lines: in the hours that are kept.
SELECT
    t.TemplateId AS TemplateId,
    t.Text AS Text,
    t.Revision AS Revision,
    if(k.TemplateId = 0, 1e10, toFloat64(toUnixTimestamp(k.FirstSeen))) AS Since,
    k.Count AS Lines,
    k.Services AS Services
FROM (SELECT TemplateId, Text, Revision FROM log_template_texts FINAL WHERE TemplateId IN (SELECT TemplateId FROM log_template_masks)) AS t
LEFT JOIN (SELECT TemplateId, FirstSeen, Count, Services FROM log_templates FINAL) AS k ON k.TemplateId = t.TemplateId
ORDER BY TemplateId
