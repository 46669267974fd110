-- Grain: a log template, the best first. Called by investigate.search: an exact scan over the few distinct texts, meaning and words together.
-- similarity: cosine to the query's vector (0 without vectors). words_share: share of the query's words that the text holds; rare words count more, those that
-- no text holds most. holds_code: lines of it hold a code of the query, or its text a name. The stronger of meaning and words is the score, so that words that
-- many a text holds by chance do not beat what means the same.
-- vector: the query's float32 in hex, read faster than an array. severity: empty is the lowest. Most of the time goes into planning, so each expression stands
-- once, in few and plain functions, and what the planner could still improve or compile is left: there is nothing to gain over a few thousand rows.
WITH
    reinterpret(unhex({vector:String}), 'Array(Float32)') AS query,
    ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] AS severities
SELECT
    TemplateId, Text, Services, SeverityText, FirstSeen, LastSeen, Count, similarity, words_share, holds_code,
    greatest(similarity, holds_code, words_share) AS score
FROM
(
    SELECT
        *,
        has({coded:Array(UInt64)}, TemplateId) OR multiSearchAnyCaseInsensitiveUTF8(Text, {names:Array(String)}) AS holds_code,
        arrayMap(known -> log(1 + templates / greatest(known, 1)), hits_of_all) AS weights,
        dotProduct(hits, weights) / greatest(arraySum(weights), 0.001) AS words_share
    FROM
    (
        SELECT
            TemplateId, Text, Services, SeverityText, FirstSeen, LastSeen, Count, similarity,
            arrayIntersect(splitByNonAlpha(lower(Text)), {words:Array(String)}) AS found,
            arrayMap(word -> has(found, word), {words:Array(String)}) AS hits,
            sumForEach(hits) OVER () AS hits_of_all,
            count() OVER () AS templates
        FROM log_templates AS t FINAL
        LEFT JOIN
        (
            SELECT TextHash, 1 - cosineDistance(Vector, query) AS similarity
            FROM embeddings FINAL
            WHERE Model = {model:String} AND Dimensions = length(query)
        ) AS e ON e.TextHash = t.TextHash
        WHERE Text != ''
            AND ({service:String} = '' OR has(Services, {service:String}))
            AND indexOf(severities, toString(SeverityText)) >= indexOf(severities, {severity:String})
            AND LastSeen >= {start:DateTime64(9)} AND FirstSeen < {end:DateTime64(9)}
    )
)
WHERE score > 0
ORDER BY score DESC, similarity DESC, Count DESC, TemplateId
LIMIT {limit:UInt32}
SETTINGS max_threads = 1, query_plan_enable_optimizations = 0, compile_expressions = 0
