-- Grain: one row. Called by the check of error_patterns: incidents of the hour without a pattern, or with one that the memory does not hold.
SELECT count() AS Incidents, countIf(PatternId NOT IN (SELECT pattern_id FROM error_patterns)) AS Unmatched
FROM incidents
WHERE Hour = {hour:DateTime}
