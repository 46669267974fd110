-- Grain: a distinct text of the hour, or of the day before it, that the model has not embedded yet. Key: TextHash. Called by embeddings: the anti-join that
-- keeps texts from being embedded twice. The hour's first; templates before shapes; frequent shapes before rare ones.
SELECT TextHash, any(t.Kind) AS Kind, toValidUTF8(any(t.Text)) AS Text
FROM
(
    SELECT cityHash64(t.Text) AS TextHash, 'log_template' AS Kind, t.Text AS Text, c.Newest AS Newest, 0 AS Traces
    FROM log_template_texts AS t FINAL
    INNER JOIN
    (
        SELECT TemplateId, max(Hour) AS Newest
        FROM log_template_counts
        WHERE Hour >= {since:DateTime} AND Hour <= {hour:DateTime}
        GROUP BY TemplateId
    ) AS c ON t.TemplateId = c.TemplateId
    UNION ALL
    SELECT ShapeHash AS TextHash, 'trace_shape' AS Kind, any(Shape) AS Text, max(Hour) AS Newest, count() AS Traces
    FROM trace_summaries
    WHERE Hour >= {since:DateTime} AND Hour <= {hour:DateTime}
    GROUP BY ShapeHash
) AS t
WHERE trim(t.Text) != '' AND TextHash NOT IN (SELECT TextHash FROM embeddings WHERE Model = {model:String})
GROUP BY TextHash
ORDER BY max(t.Newest) = {hour:DateTime} DESC, Kind, sum(t.Traces) DESC, TextHash
LIMIT {most:UInt64}
