-- Grain: a log template, of the newest lines that hold a code (what holds a digit is masked in templates, so the lines are asked). Called by investigate.codes.
-- The tokens narrow the search by the index over lower(Body); the first token as a whole and the code as it was given decide. In the order of the table, so that
-- reading ends with the newest lines that suffice; after a second what was found is the answer, and the caller says so.
SELECT m.TemplateId AS TemplateId, count() AS Lines, groupArray(3)(l.Body) AS Bodies, groupUniqArrayIf(3)(l.TraceId, l.TraceId != '') AS TraceIds
FROM
(
    SELECT substring(Body, 1, 1000) AS Body, TraceId, cityHash64(otel_pipeline_mask_v1(otel_logs.Body)) AS MaskHash
    FROM otel_logs
    PREWHERE positionCaseInsensitive(otel_logs.Body, {code:String}) > 0
    WHERE hasToken(lower(otel_logs.Body), {tokens:Array(String)}[1])
        AND indexHint(hasToken(lower(otel_logs.Body), {tokens:Array(String)}[2]) AND hasToken(lower(otel_logs.Body), {tokens:Array(String)}[3]))
        AND Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}
        AND ({service:String} = '' OR ServiceName = {service:String})
    ORDER BY toStartOfFiveMinutes(Timestamp) DESC
    LIMIT {lines:UInt32}
) AS l
INNER JOIN (SELECT MaskHash, TemplateId FROM log_template_masks FINAL) AS m ON m.MaskHash = l.MaskHash
GROUP BY TemplateId
ORDER BY Lines DESC, TemplateId
LIMIT 50
SETTINGS max_execution_time = 1, timeout_overflow_mode = 'break'
