-- Grain: a log template, the best first. Called by investigate.search: an exact scan over the few distinct texts, meaning and words together.
-- similarity: cosine to the query's vector (0 without vectors). words: share of the query's words that the text holds, rare words counting more.
WITH
    {vector:Array(Float32)} AS query,
    {words:Array(String)} AS words,
    ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] AS severities
SELECT
    TemplateId, Text, Services, SeverityText, FirstSeen, LastSeen, Count,
    similarity,
    arrayMap((known, total) -> if(known > 0, log(1 + total / known), 0), hits_of_all, arrayWithConstant(length(words), templates)) AS weights,
    if(arraySum(weights) = 0, 0, arraySum((hit, weight) -> hit * weight, hits, weights) / arraySum(weights)) AS words_share,
    TemplateId IN {coded:Array(UInt64)} AS holds_code,
    (greatest(similarity, 0) + if(holds_code, 1, words_share)) / 2 AS score
FROM
(
    SELECT
        t.TemplateId AS TemplateId, t.Text AS Text, t.Services AS Services, t.SeverityText AS SeverityText,
        t.FirstSeen AS FirstSeen, t.LastSeen AS LastSeen, t.Count AS Count,
        if(empty(query) OR empty(e.Vector), 0, 1 - cosineDistance(arrayResize(e.Vector, length(query)), query)) AS similarity,
        splitByNonAlpha(lower(t.Text)) AS tokens,
        arrayMap(word -> toUInt64(has(tokens, word)), words) AS hits,
        sumForEach(hits) OVER () AS hits_of_all,
        count() OVER () AS templates
    FROM log_templates AS t FINAL
    LEFT JOIN (
        SELECT TextHash, Vector FROM embeddings FINAL WHERE Model = {model:String} AND length(Vector) = length({vector:Array(Float32)})
    ) AS e ON e.TextHash = t.TextHash
    WHERE t.Text != ''
        AND ({service:String} = '' OR has(t.Services, {service:String}))
        AND ({severity:String} = '' OR indexOf(severities, toString(t.SeverityText)) >= indexOf(severities, {severity:String}))
        AND t.LastSeen >= {start:DateTime64(9)} AND t.FirstSeen < {end:DateTime64(9)}
)
WHERE similarity > 0 OR words_share > 0 OR holds_code
ORDER BY score DESC, Count DESC, TemplateId
LIMIT {limit:UInt32}
