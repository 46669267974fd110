-- Grain: one row. Called by log_templates: the figures of an hour.
SELECT
    sum(Count) AS lines,
    uniqExact(TemplateId) AS templates,
    uniqExactIf(TemplateId, TemplateId IN (
        SELECT TemplateId FROM log_templates FINAL WHERE toStartOfHour(FirstSeen) = {hour:DateTime}
    )) AS first_seen_templates,
    sumIf(Count, SeverityText IN ('ERROR', 'FATAL')) AS error_lines
FROM log_template_counts
WHERE Hour = {hour:DateTime}
