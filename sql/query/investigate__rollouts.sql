-- Grain: a log line that may tell of a rollout. Key: none. Called by investigate.rollouts: what deployers, orchestrators and their events write, in whichever
-- service's name; seldom enough to be no traffic. The first few lines a minute of each template are kept, and lines of traces are requests, not rollouts.
SELECT ServiceName AS Writer, t.Text AS Text, Example.1 AS At, Example.3 AS Line
FROM
(
    SELECT ServiceName, TemplateId, groupArrayArray(Examples) AS Lines
    FROM log_template_minutes
    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
        AND Minute >= toStartOfMinute({start:DateTime64(3)}) AND Minute < {end:DateTime64(3)}
        AND TemplateId IN (
            SELECT TemplateId FROM log_template_texts FINAL
            WHERE match(Text, '(?i)\\b(roll(ed|ing|s)? ?out|rollout|rolling (update|restart|back)|rollback|rolled back|deploy(ed|ing|s)?|deployment|redeploy(ed)?|releas(ed|ing)|upgrad(ed|ing)|scal(ed|ing) ?(up|down)|replica ?set|new version|image)\\b')
        )
    GROUP BY ServiceName, TemplateId
    HAVING sum(Count) <= {most:UInt32}
) AS c
INNER JOIN (SELECT TemplateId, Text FROM log_template_texts FINAL) AS t ON t.TemplateId = c.TemplateId
ARRAY JOIN Lines AS Example
WHERE Example.2 = '' AND Example.1 >= {start:DateTime64(3)} AND Example.1 < {end:DateTime64(3)}
ORDER BY At, Writer, Line
LIMIT 500
