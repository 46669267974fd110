-- Grain: a statement: texts of templates that are no longer in the catalogue. Called by end_of_life.
ALTER TABLE log_template_texts DELETE
WHERE TemplateId NOT IN (SELECT TemplateId FROM log_templates)
SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1
