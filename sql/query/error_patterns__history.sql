-- Grain: a change of a pattern. Called by `otel-pipeline patterns history`; oldest first.
SELECT ChangedAt, ChangedBy, Action, Status, root_cause, resolution, Note, Harmless, CheckQuery, Snapshot
FROM error_pattern_history
WHERE pattern_id = {pattern:UUID}
ORDER BY ChangedAt
