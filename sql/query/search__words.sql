-- Grain: a log template that holds words of the query, those that hold most of them first. Called by investigate.search where templates are many: by the text index.
SELECT TemplateId
FROM log_templates
WHERE hasAnyTokens(lower(Text), {words:Array(String)})
ORDER BY arrayCount(word -> has(splitByNonAlpha(lower(Text)), word), {words:Array(String)}) DESC, Count DESC
LIMIT 1 BY TemplateId
LIMIT {limit:UInt32}
