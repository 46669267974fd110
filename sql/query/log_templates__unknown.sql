-- Grain: a mask that has no template yet, the most frequent first. Key: MaskHash. Called by log_templates.
-- Other: the template of the service's texts beyond the budget.
SELECT MaskHash, toValidUTF8(any(Mask)) AS Mask, cityHash64('<other>', min(ServiceName)) AS Other
FROM {stage:Identifier}
WHERE MaskHash NOT IN (SELECT MaskHash FROM log_template_masks)
GROUP BY MaskHash
ORDER BY sum(Count) DESC, MaskHash
