-- Grain: template, the nearest first. Called by investigate.similar: errors in the words of the trace's own, or close to them in meaning, before it.
-- near: texts that are close to one of the trace's, with their cosine distances.
SELECT
    TemplateId, Text, Services, SeverityText, FirstSeen, LastSeen, Count,
    if(TemplateId IN {ids:Array(UInt64)}, 0., {distances:Array(Float64)}[indexOf({near:Array(UInt64)}, TextHash)]) AS distance
FROM log_templates FINAL
WHERE FirstSeen < {before:DateTime64(9)}
    AND (TemplateId IN {ids:Array(UInt64)} OR SeverityText IN ('WARN', 'ERROR', 'FATAL') AND TextHash IN {near:Array(UInt64)})
ORDER BY distance, Count DESC, TemplateId
LIMIT {limit:UInt32}
