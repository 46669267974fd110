-- Grain: a log line of a service, in order of time. Called by evaluation.template_ablation: the mask of each.
SELECT toValidUTF8(otel_pipeline_mask_v1(Body)) AS Mask
FROM otel_logs
WHERE ServiceName = {service:String}
ORDER BY Timestamp
