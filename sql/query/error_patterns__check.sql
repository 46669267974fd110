-- Grain: one row. Called by detection.pattern_check: how many signs of a pattern stand in the window. Signs: kind, service, operation, detail, one array each.
-- Errors and log templates are looked up in the traces of the window themselves.
WITH
    (
        SELECT groupUniqArrayArray(arrayZip(arrayMap(x -> toString(x), Error.Service), arrayMap(x -> toString(x), Error.Type)))
        FROM trace_summaries
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= toStartOfHour({end:DateTime64(3)})
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    ) AS errors,
    (
        SELECT groupUniqArray((Service, Text))
        FROM
        (
            SELECT DISTINCT Id, toString(Service) AS Service
            FROM trace_summaries
            ARRAY JOIN Template.Id AS Id, Template.Service AS Service
            WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= toStartOfHour({end:DateTime64(3)})
                AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
        ) AS seen
        INNER JOIN (SELECT TemplateId, Text FROM log_templates FINAL) AS t ON t.TemplateId = seen.Id
        WHERE (Service, Text) IN (SELECT arrayJoin(arrayZip({services:Array(String)}, {details:Array(String)})))
    ) AS templates
SELECT
    countIf(multiIf(
        sign.1 IN ('begins', 'error'), has(errors, (sign.2, sign.4)),
        sign.1 = 'template', has(templates, (sign.2, sign.4)),
        false
    )) AS Found
FROM (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {services:Array(String)}, {operations:Array(String)}, {details:Array(String)})) AS sign)
