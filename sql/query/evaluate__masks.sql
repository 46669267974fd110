-- Grain: a line, in the order given. Called by evaluation.template_ablation: the mask of each.
SELECT toValidUTF8(otel_pipeline_mask_v1(Line)) AS Mask
FROM (SELECT arrayJoin({lines:Array(String)}) AS Line)
