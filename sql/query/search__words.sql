-- Grain: text of a log template that holds words of the query and passes the filter, those that hold most of them first. Called by investigate.search where
-- templates are many: by the text index.
WITH ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] AS severities
SELECT TextHash
FROM log_templates
WHERE hasAnyTokens(lower(Text), {words:Array(String)})
    AND ({service:String} = '' OR has(Services, {service:String}))
    AND ({severity:String} = '' OR indexOf(severities, toString(SeverityText)) >= indexOf(severities, {severity:String}))
    AND LastSeen >= {start:DateTime64(9)} AND FirstSeen < {end:DateTime64(9)}
ORDER BY length(arrayIntersect(splitByNonAlpha(lower(Text)), {words:Array(String)})) DESC, Count DESC
LIMIT 1 BY TextHash
LIMIT {limit:UInt32}
