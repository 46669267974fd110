-- Grain: a sign that is clearly more frequent in the window than beside it. Called by detection.error_patterns: errors (begun or passed on) and log templates, by the
-- share of traces that show them (a call that failed or was given up begins nothing: the trouble is at the other end), against the traces of the hours around that lie in no incident. Signs of single traces are left out,
-- and so is more of a line that complains of nothing: that is a matter of who came.
WITH
    (
        SELECT groupArray((Start - INTERVAL 5 SECOND, End + INTERVAL 5 SECOND))
        FROM incidents
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 2 HOUR AND Hour <= toStartOfHour({end:DateTime64(3)})
    ) AS troubled,
    traces AS
    (
        SELECT
            Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AS Inside,
            arrayJoin(arrayDistinct(arrayConcat(
                [('', '', '', '')],
                arrayMap(
                    (origin, peer, service, operation, type) -> (if(origin AND peer = '', 'begins', 'error'), toString(service), toString(operation), toString(type)),
                    Error.Origin, Error.Peer, Error.Service, Error.Operation, Error.Type
                ),
                arrayMap((id, service) -> ('template', toString(service), '', toString(id)), Template.Id, Template.Service)
            ))) AS Sign
        FROM trace_summaries
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) - INTERVAL 1 HOUR AND Hour <= toStartOfHour({end:DateTime64(3)})
            AND (Inside OR NOT arrayExists(t -> Timestamp >= t.1 AND Timestamp < t.2, troubled))
    )
SELECT
    s.Sign.1 AS Kind, s.Sign.2 AS Service, s.Sign.3 AS Operation, if(Kind = 'template', t.Text, s.Sign.4) AS Detail,
    Here, Here / Traces AS Share,
    (Here + 0.5) / (Traces + 1) / ((Elsewhere + 0.5) / (Others + 1)) AS Lift
FROM
(
    SELECT
        Sign, countIf(Inside) AS Here, countIf(NOT Inside) AS Elsewhere,
        maxIf(Here, Sign.1 = '') OVER () AS Traces, maxIf(Elsewhere, Sign.1 = '') OVER () AS Others,
        Traces * (Elsewhere + 0.5) / (Others + 1) AS Expected
    FROM traces
    GROUP BY Sign
) AS s
LEFT JOIN (SELECT toString(TemplateId) AS Id, Text, SeverityNumber FROM log_templates FINAL) AS t ON t.Id = s.Sign.4
WHERE Kind != '' AND Detail != '' AND Others >= 50 AND Here >= 3 AND Lift >= 3 AND (Here - Expected) / sqrt(Expected + 0.5) >= 4
    AND (Kind != 'template' OR Elsewhere = 0 OR t.SeverityNumber >= 13)
ORDER BY Here DESC, Kind, Service, Operation, Detail
LIMIT 60
