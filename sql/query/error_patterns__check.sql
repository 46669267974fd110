-- Grain: one row. Called by detection.pattern_check: how many errors and log templates that mark a pattern stand in the traces of the window. Signs: kind, service, detail, one
-- array each.
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
    countIf(has(if(sign.1 = 'template', templates, errors), (sign.2, sign.3))) AS Found
FROM (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {services:Array(String)}, {details:Array(String)})) AS sign)
