-- Grain: a statement: log templates not seen for so many days, whose lines are gone from the raw tables, too. Called by end_of_life.
ALTER TABLE log_templates DELETE
WHERE TemplateId IN (
    SELECT TemplateId FROM log_templates FINAL WHERE LastSeen < now() - toIntervalDay({days:UInt32})
)
SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1
