-- Grain: a log template, the best first. Called by investigate.search where templates are many: ranks the candidates that the vector index and the text index named.
-- Same columns and score as search__templates; a word counts the more, the fewer candidates hold it.
WITH
    reinterpret(unhex({vector:String}), 'Array(Float32)') AS query,
    {words:Array(String)} AS words,
    ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] AS severities
SELECT
    TemplateId, Text, TextHash, Services, SeverityText, FirstSeen, LastSeen, Count,
    similarity,
    arrayMap((known, total) -> log(1 + total / greatest(known, 1)), hits_of_all, arrayWithConstant(length(words), templates)) AS weights,
    arraySum((hit, weight) -> hit * weight, hits, weights) / greatest(arraySum(weights), 0.001) AS words_share,
    TemplateId IN {coded:Array(UInt64)} OR multiSearchAnyCaseInsensitiveUTF8(Text, {names:Array(String)}) AS holds_code,
    greatest(similarity, holds_code, words_share) AS score
FROM
(
    SELECT
        t.TemplateId AS TemplateId, t.Text AS Text, t.TextHash AS TextHash, t.Services AS Services, t.SeverityText AS SeverityText,
        t.FirstSeen AS FirstSeen, t.LastSeen AS LastSeen, t.Count AS Count,
        e.similarity AS similarity,
        arrayIntersect(splitByNonAlpha(lower(t.Text)), words) AS found,
        arrayMap(word -> toUInt64(has(found, word)), words) AS hits,
        sumForEach(hits) OVER () AS hits_of_all,
        count() OVER () AS templates
    FROM
    (
        SELECT *
        FROM log_templates FINAL
        WHERE (TemplateId IN {coded:Array(UInt64)} OR TemplateId IN (SELECT TemplateId FROM log_templates WHERE TextHash IN {hashes:Array(UInt64)}))
            AND ({service:String} = '' OR has(Services, {service:String}))
            AND ({severity:String} = '' OR indexOf(severities, toString(SeverityText)) >= indexOf(severities, {severity:String}))
            AND LastSeen >= {start:DateTime64(9)} AND FirstSeen < {end:DateTime64(9)}
    ) AS t
    LEFT JOIN
    (
        SELECT TextHash, 1 - cosineDistance(Vector, query) AS similarity
        FROM {table:Identifier}
        WHERE TextHash IN {hashes:Array(UInt64)}
    ) AS e ON e.TextHash = t.TextHash
)
WHERE score > 0
ORDER BY score DESC, similarity DESC, Count DESC, TemplateId
LIMIT {limit:UInt32}
