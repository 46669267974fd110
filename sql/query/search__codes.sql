-- Grain: a log template, of the newest lines that hold a code (what holds a digit is masked in templates, so the lines are asked). Called by investigate.search.
-- The token narrows the search by the index over lower(Body); the code, as it was given, decides.
SELECT m.TemplateId AS TemplateId, count() AS Lines, groupArray(3)(l.Body) AS Bodies, groupUniqArrayIf(3)(l.TraceId, l.TraceId != '') AS TraceIds
FROM
(
    SELECT substring(Body, 1, 1000) AS Body, TraceId, cityHash64(otel_pipeline_mask_v1(otel_logs.Body)) AS MaskHash
    FROM otel_logs
    WHERE hasToken(lower(otel_logs.Body), {token:String}) AND positionCaseInsensitive(otel_logs.Body, {code:String}) > 0
        AND Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}
        AND ({service:String} = '' OR ServiceName = {service:String})
    ORDER BY Timestamp DESC
    LIMIT 1000
) AS l
INNER JOIN (SELECT MaskHash, TemplateId FROM log_template_masks FINAL) AS m ON m.MaskHash = l.MaskHash
GROUP BY TemplateId
ORDER BY Lines DESC, TemplateId
LIMIT 50
