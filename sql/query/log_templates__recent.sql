-- Grain: one row. Called by log_templates: how many templates were founded within the last hour.
SELECT count() AS Templates
FROM (SELECT TemplateId FROM log_template_masks GROUP BY TemplateId HAVING min(CreatedAt) > now() - INTERVAL 1 HOUR)
