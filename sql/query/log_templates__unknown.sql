-- Grain: a mask that has no template yet. Key: MaskHash. Called by log_templates.
SELECT MaskHash, toValidUTF8(any(Mask)) AS Mask
FROM {stage:Identifier}
WHERE MaskHash NOT IN (SELECT MaskHash FROM log_template_masks)
GROUP BY MaskHash
ORDER BY MaskHash
