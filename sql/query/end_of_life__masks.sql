-- Grain: a statement: masks of templates that are no longer in the catalogue; young ones may not have been counted yet. Called by end_of_life.
ALTER TABLE log_template_masks DELETE
WHERE CreatedAt < now() - toIntervalDay(2) AND TemplateId NOT IN (SELECT TemplateId FROM log_templates)
SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1
