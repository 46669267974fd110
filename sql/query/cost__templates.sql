-- Grain: service × log template × whether the lines warn. Key: the same. Called by investigate.cost: lines in the hours that the window touches, about how long
-- they are, the information of whether they come (entropy of their presence in a visit, in bits, given by which operation the service was entered), and
-- whether incidents or the error memory know them. The largest first.
WITH
    visits AS
    (
        SELECT Service, cityHash64(Entries) AS Entry, TemplateIds
        FROM service_visits
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour < {end:DateTime64(3)}
    ),
    entered AS (SELECT Service, Entry, count() AS Visits FROM visits GROUP BY Service, Entry),
    present AS
    (
        SELECT Service, Template, sum(p.Present) AS Present, sum(e.Visits * if(Share IN (0, 1), 0, -Share * log2(Share) - (1 - Share) * log2(1 - Share))) AS Bits
        FROM
        (
            SELECT Service, Entry, Template, count() AS Present
            FROM visits
            ARRAY JOIN arrayDistinct(TemplateIds) AS Template
            GROUP BY Service, Entry, Template
        ) AS p
        INNER JOIN entered AS e ON p.Service = e.Service AND p.Entry = e.Entry
        ARRAY JOIN [least(1, p.Present / e.Visits)] AS Share
        GROUP BY Service, Template
    )
SELECT
    c.ServiceName AS Service, t.Text AS Text, c.Rows AS Rows, c.Rows * c.Long AS Bytes, c.Severity AS Severity,
    p.Present AS Present, if(p.Present = 0, 0, p.Bits / p.Present) AS Bits,
    c.TemplateId IN (SELECT arrayJoin(Templates) FROM incidents)
        OR c.TemplateId IN (SELECT arrayJoin(Templates) FROM error_patterns FINAL) AS Telling
FROM
(
    SELECT
        ServiceName, TemplateId, SeverityNumber >= 13 AS Warns, sum(Count) AS Rows, max(SeverityNumber) AS Severity,
        -- Ids and attributes of a line weigh about as much as a hundred characters.
        ifNotFinite(avg(arrayAvg(arrayMap(body -> length(body), ExampleBodies))), 0) + 100 AS Long
    FROM log_template_counts
    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour < {end:DateTime64(3)}
    GROUP BY ServiceName, TemplateId, Warns
) AS c
INNER JOIN (SELECT TemplateId, Text FROM log_templates FINAL) AS t ON c.TemplateId = t.TemplateId
LEFT JOIN present AS p ON c.ServiceName = p.Service AND c.TemplateId = p.Template
ORDER BY Bytes DESC, Service, Text
LIMIT 1000
