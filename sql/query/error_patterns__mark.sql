-- Called by detection.error_patterns: the incidents of the hour with their patterns, into a staging table.
INSERT INTO {stage:Identifier}
SELECT * REPLACE ({patterns:Array(UUID)}[indexOf({incidents:Array(String)}, IncidentId)] AS PatternId)
FROM incidents
WHERE Hour = {hour:DateTime}
