-- Grain: service × log template × whether the lines warn. Key: the same. Called by investigate.cost: lines of a window by whole minutes, about how long they
-- are, the information of whether they come (entropy of their presence in a visit, in bits, given by which operation the service was entered), whether
-- incidents or the error memory know them, and lines a minute in the minutes of incidents of the last day and in the others. Twin: the operation whose every
-- visit they come with, once. The largest first.
WITH
    visits AS
    (
        SELECT Service, Entries, cityHash64(Entries) AS Entry, TemplateIds
        FROM service_visits
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour < {end:DateTime64(3)}
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    ),
    entered AS (SELECT Service, Entry, any(Entries) AS Operations, count() AS Visits FROM visits GROUP BY Service, Entry),
    present AS
    (
        SELECT
            Service, Template, sum(p.Present) AS Present,
            sum(e.Visits * if(Share IN (0, 1), 0, -Share * log2(Share) - (1 - Share) * log2(1 - Share))) AS Bits,
            argMaxIf(arrayStringConcat(e.Operations, ', '), e.Visits, Share >= 0.95) AS Twin
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
    ),
    troubled AS
    (
        SELECT DISTINCT arrayJoin(arrayMap(n -> toStartOfMinute(Start) + INTERVAL n MINUTE, range(least(240, toUInt64(date_diff('minute', Start, End)) + 1)))) AS Minute
        FROM incidents
        WHERE Hour >= toStartOfHour({end:DateTime64(3)}) - INTERVAL 24 HOUR AND Hour <= {end:DateTime64(3)}
    ),
    courses AS
    (
        SELECT
            ServiceName, TemplateId,
            sumIf(Count, Minute IN (SELECT Minute FROM troubled)) AS LinesIn,
            sum(Count) - LinesIn AS LinesOut
        FROM log_template_minutes
        WHERE Hour >= toStartOfHour({end:DateTime64(3)}) - INTERVAL 24 HOUR AND Hour <= {end:DateTime64(3)}
        GROUP BY ServiceName, TemplateId
    ),
    (
        SELECT (uniqExactIf(Minute, Minute IN (SELECT Minute FROM troubled)), uniqExactIf(Minute, Minute NOT IN (SELECT Minute FROM troubled)))
        FROM log_template_minutes
        WHERE Hour >= toStartOfHour({end:DateTime64(3)}) - INTERVAL 24 HOUR AND Hour <= {end:DateTime64(3)}
    ) AS minutes
SELECT
    c.ServiceName AS Service, t.Text AS Text, c.Rows AS Rows, c.Rows * c.Long AS Bytes, c.Severity AS Severity,
    p.Present AS Present, if(p.Present = 0, 0, p.Bits / p.Present) AS Bits, p.Twin AS Twin,
    c.TemplateId IN (SELECT arrayJoin(Templates) FROM incidents)
        OR c.TemplateId IN (SELECT arrayJoin(Templates) FROM error_patterns FINAL) AS Telling,
    r.LinesIn AS LinesIn, r.LinesOut AS LinesOut, minutes.1 AS MinutesIn, minutes.2 AS MinutesOut
FROM
(
    SELECT
        ServiceName, TemplateId, SeverityNumber >= 13 AS Warns, sum(Count) AS Rows, max(SeverityNumber) AS Severity,
        -- Ids and attributes of a line weigh about as much as a hundred characters.
        ifNotFinite(avg(arrayAvg(arrayMap(e -> length(e.3), Examples))), 0) + 100 AS Long
    FROM log_template_minutes
    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour < {end:DateTime64(3)} AND Minute >= toStartOfMinute({start:DateTime64(3)}) AND Minute < {end:DateTime64(3)}
    GROUP BY ServiceName, TemplateId, Warns
) AS c
INNER JOIN (SELECT TemplateId, Text FROM log_templates FINAL) AS t ON c.TemplateId = t.TemplateId
LEFT JOIN present AS p ON c.ServiceName = p.Service AND c.TemplateId = p.Template
LEFT JOIN courses AS r ON c.ServiceName = r.ServiceName AND c.TemplateId = r.TemplateId
ORDER BY Bytes DESC, Service, Text
LIMIT 1000
