-- Grain: a template. Key: TemplateId. Called by log_templates, which merges new masks into these.
SELECT TemplateId, Text, Revision
FROM log_template_texts FINAL
ORDER BY TemplateId
