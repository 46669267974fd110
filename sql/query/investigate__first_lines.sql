-- Grain: service × log template. Key: the same. Called by investigate.onsets: the first trace of the window in which each of some templates was written.
SELECT l.Service AS Service, t.Text AS Text, min(l.Timestamp) AS First
FROM
(
    SELECT Service, Timestamp, Template
    FROM service_visits
    ARRAY JOIN TemplateIds AS Template
    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
        AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
) AS l
INNER JOIN (SELECT TemplateId, Text FROM log_templates FINAL WHERE Text IN {texts:Array(String)}) AS t ON l.Template = t.TemplateId
GROUP BY Service, Text
ORDER BY First, Service, Text
