-- Grain: template of the trace's lines, the gravest and rarest first; TemplateId 0 for lines that the lineage has not seen yet.
-- Called by investigate.similar.
SELECT
    m.TemplateId AS TemplateId,
    any(c.Text) AS Text,
    any(l.ServiceName) AS Service,
    argMax(otel_pipeline_severity_v2(l.SeverityText, l.SeverityNumber) AS OneSeverity, indexOf(['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'], OneSeverity)) AS Severity,
    any(l.Body) AS Body,
    min(l.Timestamp) AS Start,
    any(c.Count) AS Lines
FROM otel_logs AS l
LEFT JOIN (SELECT MaskHash, TemplateId FROM log_template_masks FINAL) AS m ON m.MaskHash = cityHash64(otel_pipeline_mask_v1(l.Body))
LEFT JOIN (SELECT TemplateId, Text, Count FROM log_templates FINAL) AS c ON c.TemplateId = m.TemplateId
WHERE l.TraceId = {trace_id:String} AND l.Body != ''
GROUP BY TemplateId
ORDER BY Severity IN ('ERROR', 'FATAL') DESC, Severity = 'WARN' DESC, Lines, TemplateId
