-- Grain: a log line, in order of time. Called by evaluation.templates: the template of each line.
SELECT m.TemplateId AS TemplateId
FROM otel_logs AS l
INNER JOIN (SELECT MaskHash, TemplateId FROM log_template_masks FINAL) AS m ON m.MaskHash = cityHash64(otel_pipeline_mask_v1(l.Body))
ORDER BY l.Timestamp
