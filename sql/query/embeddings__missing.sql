-- Grain: a distinct text of the hour that the model has not embedded yet. Key: TextHash. Called by embeddings: the anti-join that keeps texts from being embedded twice.
SELECT TextHash, any(t.Kind) AS Kind, toValidUTF8(any(t.Text)) AS Text
FROM
(
    SELECT cityHash64(t.Text) AS TextHash, 'log_template' AS Kind, t.Text AS Text
    FROM log_template_texts AS t FINAL
    WHERE t.TemplateId IN (SELECT TemplateId FROM log_template_counts WHERE Hour = {hour:DateTime})
    UNION ALL
    SELECT ShapeHash AS TextHash, 'trace_shape' AS Kind, any(Shape) AS Text
    FROM trace_summaries
    WHERE Hour = {hour:DateTime}
    GROUP BY ShapeHash
) AS t
WHERE trim(t.Text) != '' AND TextHash NOT IN (SELECT TextHash FROM embeddings WHERE Model = {model:String})
GROUP BY TextHash
ORDER BY TextHash
