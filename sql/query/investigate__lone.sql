-- Grain: service × log template. Key: the same. Called by investigate.lone: lines that belong to no trace, by whole minutes: in a window, and in quiet times
-- before it; the first of the window, and the first error of it. Minutes that hold lines of traces only are left out.
SELECT
    ServiceName AS Service,
    c.TemplateId AS Template,
    any(t.Text) AS Text,
    max(SeverityNumber) AS Severity,
    sumIf(Count, Now) AS Lines,
    sumIf(Count, NOT Now) AS Before,
    uniqExactIf(Minute, Now) AS Minutes,
    uniqExactIf(Minute, NOT Now) AS MinutesBefore,
    minIf(FirstSeen, Now) AS First,
    maxIf(LastSeen, Now) AS Last,
    argMinIf(arrayFirst(e -> e.2 = '', Examples).3, Minute, Now) AS Example
FROM
(
    SELECT
        *,
        Minute >= toStartOfMinute({start:DateTime64(3)}) AND Minute < {end:DateTime64(3)} AS Now
    FROM log_template_minutes
    WHERE Hour IN {hours:Array(DateTime)}
        AND arrayExists(e -> e.2 = '', Examples)
        AND (Now OR arrayExists((a, b) -> Minute >= a AND Minute + INTERVAL 1 MINUTE <= b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}))
) AS c
INNER JOIN (SELECT TemplateId, Text FROM log_templates FINAL) AS t ON c.TemplateId = t.TemplateId
GROUP BY Service, Template
HAVING Lines > 0
ORDER BY First, Service, Template
LIMIT 2000
