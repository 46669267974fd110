-- Grain: service × log template. Key: the same. Called by investigate.changes: traces in which a service wrote it in the first window and in the others,
-- and the first of them in the first window. Asked: those of the first window that somebody waited for, no jobs.
SELECT l.Service AS Service, t.Text AS Text, t.SeverityNumber AS Severity, l.Now AS Now, l.Before AS Before, l.Asked AS Asked, l.First AS First
FROM
(
    SELECT Service, Template, countIf(Window = 1) AS Now, countIf(Window > 1) AS Before, countIf(Window = 1 AND RootKind != 'Internal') AS Asked, minIf(Timestamp, Window = 1) AS First
    FROM
    (
        SELECT
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            Timestamp, RootKind, Template.Id AS Templates, Template.Service AS Writers
        FROM trace_summaries
        WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND Window > 0
    )
    ARRAY JOIN Templates AS Template, Writers AS Service
    GROUP BY Service, Template
) AS l
INNER JOIN (SELECT TemplateId, Text, SeverityNumber FROM log_templates FINAL) AS t ON l.Template = t.TemplateId
