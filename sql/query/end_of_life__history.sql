-- Grain: a statement: history of patterns that are gone. Called by end_of_life.
ALTER TABLE error_pattern_history DELETE
WHERE pattern_id NOT IN (SELECT pattern_id FROM error_patterns) AND ChangedAt < now() - toIntervalDay({days:UInt32})
SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1
