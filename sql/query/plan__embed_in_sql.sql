-- Grain: a distinct error text of the last ten minutes, the most frequent first, with the known template nearest to it. The original plan's real-time variant.
-- Parameter: embedding_model. The engine itself calls the embedder (aiEmbed), so no lineage need have run over the lines; needs AIEMBED=true, and runs as the
-- writer. Texts are masked first, and at most twenty are sent: what is distinct, never each line.
SELECT l.Mask AS Text, l.Lines AS Lines, argMin(e.Text, cosineDistance(e.Vector, l.Vector)) AS Nearest, min(cosineDistance(e.Vector, l.Vector)) AS Distance
FROM
(
    SELECT Mask, Lines, aiEmbed(Mask, {embedding_model:String}, map('credentials', 'otel_pipeline_embedder')) AS Vector
    FROM
    (
        SELECT otel_pipeline_mask_v1(Body) AS Mask, count() AS Lines
        FROM otel_logs
        WHERE Timestamp > now() - INTERVAL 10 MINUTE AND otel_pipeline_severity_v2(SeverityText, SeverityNumber) IN ('ERROR', 'FATAL') AND Body != ''
        GROUP BY Mask
        ORDER BY Lines DESC, Mask
        LIMIT 20
    )
) AS l
CROSS JOIN
(
    SELECT Text, Vector
    FROM embeddings FINAL
    WHERE Model = {embedding_model:String} AND Kind = 'log_template'
) AS e
GROUP BY Text, Lines
ORDER BY Lines DESC, Text
