-- Grain: a template first seen in the hour, worst first. Called by log_templates for the asset's page.
SELECT FirstSeen AS first_seen, SeverityText AS severity, arrayStringConcat(Services, ', ') AS services, Count AS lines, Text AS template
FROM log_templates FINAL
WHERE toStartOfHour(FirstSeen) = {hour:DateTime}
ORDER BY SeverityNumber DESC, FirstSeen, template
LIMIT 20
