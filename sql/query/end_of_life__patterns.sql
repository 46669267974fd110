-- Grain: a statement: error patterns that nobody confirmed and that were not seen for so many days; what people said stays. Called by end_of_life.
ALTER TABLE error_patterns DELETE
WHERE pattern_id IN (
    SELECT pattern_id FROM error_patterns FINAL
    WHERE Status IN ('suspected', 'rejected') AND last_seen < now() - toIntervalDay({days:UInt32})
)
SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1
