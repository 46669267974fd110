-- Grain: one row. Called by the check of embeddings, about now: texts first met in the last two hours that have no vector, and since when the oldest waits.
WITH texts AS
(
    SELECT t.TextHash AS TextHash, toDateTime(min(c.FirstSeen)) AS Since
    FROM log_template_counts AS c
    INNER JOIN (SELECT TemplateId, cityHash64(Text) AS TextHash FROM log_template_texts FINAL WHERE trim(Text) != '') AS t ON c.TemplateId = t.TemplateId
    WHERE c.Hour >= toStartOfHour(now()) - INTERVAL 1 HOUR
    GROUP BY TextHash
    UNION ALL
    SELECT ShapeHash AS TextHash, toDateTime(min(Timestamp)) AS Since
    FROM trace_summaries
    WHERE Hour >= toStartOfHour(now()) - INTERVAL 1 HOUR AND trim(Shape) != ''
    GROUP BY ShapeHash
)
SELECT
    count() AS Texts,
    countIf(TextHash NOT IN (SELECT TextHash FROM embeddings WHERE Model = {model:String})) AS Missing,
    if(Missing = 0, 0, greatest(0, dateDiff('second', minIf(Since, TextHash NOT IN (SELECT TextHash FROM embeddings WHERE Model = {model:String})), now()))) AS LagSeconds
FROM texts
