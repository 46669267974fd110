-- Grain: service × class × template, and template 0 for all of a service's. Key: the same. Called by detection.signals.lines: lines by the minute, as (minute,
-- lines); the minute in minutes since 1970. Classes: error (ERROR and FATAL), warning, and words: lines of no severity at all whose template complains.
-- Only what came at least a few times since the start, within ten minutes, and in one of them clearly more often than it does; and the sums. Looked: how many there were before that was asked.
SELECT Service, Class, Template, Course, Looked
FROM
(
    SELECT Service, Class, Template, arraySort(groupArray((M, N))) AS Course,
        maxIf(N, M >= intDiv(toUnixTimestamp({start:DateTime}), 60)) >= 1.6 * sum(N) / (max(M) - min(M) + 1) AS Rises, maxIf(Near, M >= intDiv(toUnixTimestamp({start:DateTime}), 60)) AS Most, count() OVER () AS Looked
    FROM
    (
        SELECT Service, Class, Template, M, N, sum(N) OVER (PARTITION BY Service, Class, Template ORDER BY M RANGE BETWEEN 10 PRECEDING AND CURRENT ROW) AS Near
        FROM
        (
            SELECT
                ServiceName AS Service,
                multiIf(SeverityText IN ('ERROR', 'FATAL'), 'error', SeverityText = 'WARN', 'warning', 'words') AS Class,
                arrayJoin([TemplateId, 0]) AS Template,
                toInt64(intDiv(toUnixTimestamp(Minute), 60)) AS M,
                toInt64(sum(Count)) AS N
            FROM log_template_minutes
            WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour < {end:DateTime} AND Minute >= {since:DateTime}
                AND (SeverityText IN ('WARN', 'ERROR', 'FATAL') OR SeverityText = '' AND TemplateId IN (
                    SELECT TemplateId FROM log_templates FINAL
                    WHERE SeverityText = '' AND match(Text, '(?i)(^|[^a-z])(errors?|fail(ed|ure|s|ing)?|exception|fatal|panic|refused|denied|timed out|abort(ed)?|cannot|could not|unable)([^a-z]|$)')
                ))
            GROUP BY Service, Class, Template, M
        )
    )
    GROUP BY Service, Class, Template
)
WHERE Most >= {least:UInt32} AND (Rises OR Template = 0)
ORDER BY Service, Class, Template
