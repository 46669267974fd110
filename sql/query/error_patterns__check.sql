-- Grain: one row. Called by detection.pattern_check: how many signs of a pattern stand in the window. Signs: kind, service, operation, detail, one array each.
-- Errors and log templates are looked up in the traces of the window themselves; what was slow or odd, in the reasons of their scores.
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
    ) AS templates,
    (
        SELECT groupUniqArray((toString(Kind), toString(Service), Operation))
        FROM anomaly_scores
        ARRAY JOIN Reasons.Kind AS Kind, Reasons.Service AS Service, Reasons.Operation AS Operation
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= toStartOfHour({end:DateTime64(3)})
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Verdict = 'anomalous'
    ) AS reasons
SELECT
    countIf(multiIf(
        sign.1 IN ('begins', 'error'), has(errors, (sign.2, sign.4)),
        sign.1 = 'template', has(templates, (sign.2, sign.4)),
        has(reasons, (sign.1, sign.2, sign.3))
    )) AS Found,
    count() AS Asked
FROM (SELECT arrayJoin(arrayZip({kinds:Array(String)}, {services:Array(String)}, {operations:Array(String)}, {details:Array(String)})) AS sign)
