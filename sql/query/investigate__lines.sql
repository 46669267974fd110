-- Grain: service × log template. Key: the same. Called by investigate.changes: visits that wrote it in the first window and in the others.
WITH
    arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window
SELECT l.Service AS Service, t.Text AS Text, t.SeverityNumber AS Severity, l.Now AS Now, l.Before AS Before
FROM
(
    SELECT Service, Template, countIf(Window = 1) AS Now, countIf(Window > 1) AS Before
    FROM service_visits
    ARRAY JOIN TemplateIds AS Template
    WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
        AND Window > 0
    GROUP BY Service, Template
) AS l
INNER JOIN (SELECT TemplateId, Text, SeverityNumber FROM log_templates FINAL) AS t ON l.Template = t.TemplateId
