-- Grain: a template. Key: TemplateId. Called by evaluation.templates: how it reads.
SELECT TemplateId, Text
FROM log_template_texts FINAL
