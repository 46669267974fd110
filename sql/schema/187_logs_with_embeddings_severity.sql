-- Grain: log line × embedding model. The name and columns of the original plan: each line with the vector of its template. As 090, with severities by otel_pipeline_severity_v2.
-- Filter by embedding_model where there is more than one. Reads otel_logs, log_template_masks, log_template_texts, embeddings.
CREATE OR REPLACE VIEW logs_with_embeddings ${ON_CLUSTER} AS
SELECT
    l.Timestamp AS Timestamp,
    l.TraceId AS TraceId,
    l.SpanId AS SpanId,
    l.SeverityText AS SeverityText,
    l.ServiceName AS ServiceName,
    l.Body AS Body,
    v.TemplateId AS TemplateId,
    v.Vector AS embedding,
    v.Model AS embedding_model
FROM
(
    SELECT
        Timestamp, TraceId, SpanId, ServiceName, Body,
        otel_pipeline_severity_v2(otel_logs.SeverityText, SeverityNumber) AS SeverityText,
        cityHash64(otel_pipeline_mask_v1(Body)) AS MaskHash
    FROM otel_logs
) AS l
INNER JOIN
(
    SELECT m.MaskHash AS MaskHash, m.TemplateId AS TemplateId, e.Vector AS Vector, e.Model AS Model
    FROM log_template_masks AS m FINAL
    INNER JOIN (SELECT TemplateId, cityHash64(Text) AS TextHash FROM log_template_texts FINAL) AS t ON t.TemplateId = m.TemplateId
    INNER JOIN (SELECT TextHash, Vector, Model FROM embeddings FINAL) AS e ON e.TextHash = t.TextHash
) AS v ON v.MaskHash = l.MaskHash
