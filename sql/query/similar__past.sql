-- Grain: template, the nearest first. Called by investigate.similar: errors in the words of the trace's own, or close to them in meaning, before it.
WITH (
    SELECT groupArray(Vector)
    FROM embeddings FINAL
    WHERE Model = {model:String} AND TextHash IN (SELECT TextHash FROM log_templates FINAL WHERE TemplateId IN {ids:Array(UInt64)})
) AS mine
SELECT
    t.TemplateId AS TemplateId, t.Text AS Text, t.Services AS Services, t.SeverityText AS SeverityText,
    t.FirstSeen AS FirstSeen, t.LastSeen AS LastSeen, t.Count AS Count,
    arrayFilter(v -> length(v) = length(e.Vector), mine) AS comparable,
    if(
        t.TemplateId IN {ids:Array(UInt64)},
        0.,
        arrayMin(arrayPushBack(arrayMap(v -> toFloat64(cosineDistance(v, e.Vector)), comparable), 2.))
    ) AS distance
FROM log_templates AS t FINAL
LEFT JOIN (SELECT TextHash, Vector FROM embeddings FINAL WHERE Model = {model:String}) AS e ON e.TextHash = t.TextHash
WHERE t.FirstSeen < {before:DateTime64(9)}
    AND (t.TemplateId IN {ids:Array(UInt64)} OR t.SeverityText IN ('WARN', 'ERROR', 'FATAL'))
    AND distance <= {farthest:Float64}
ORDER BY distance, Count DESC, TemplateId
LIMIT {limit:UInt32}
