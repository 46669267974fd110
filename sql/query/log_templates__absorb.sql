-- Called by log_templates: the masks of templates that another template's text covers by now belong to that one from here on.
ALTER TABLE log_template_masks
UPDATE TemplateId = transform(TemplateId, {absorbed:Array(UInt64)}, {into:Array(UInt64)}, TemplateId)
WHERE TemplateId IN {absorbed:Array(UInt64)}
SETTINGS mutations_sync = 2
