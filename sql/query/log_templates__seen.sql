-- Grain: a mask of a known template, some of each. Called by log_templates: the words in them that are values.
SELECT TemplateId, Mask
FROM log_template_masks
WHERE Mask != '' AND length(Mask) <= 500 AND TemplateId IN (SELECT TemplateId FROM log_template_texts WHERE position(Text, '<*>') > 0)
ORDER BY TemplateId, MaskHash
LIMIT {each:UInt32} BY TemplateId
LIMIT {all:UInt32}
