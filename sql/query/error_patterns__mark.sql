-- Called by detection.error_patterns: the incidents of the hour with their patterns and by what they were matched, into a staging table.
INSERT INTO {stage:Identifier}
SELECT * REPLACE (
    {patterns:Array(UUID)}[indexOf({incidents:Array(String)}, IncidentId)] AS PatternId,
    {known:Array(UInt64)}[indexOf({incidents:Array(String)}, IncidentId)] AS Matched
)
FROM incidents
WHERE Hour = {hour:DateTime}
