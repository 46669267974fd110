-- Grain: service × message, what varies masked × place of a number in it. Key: the same. Called by detection.said: numbers in what services logged without
-- complaint, in the first window against the others: their middle, and nearly all of their span in the others. Only those that lie clear of it, by a factor
-- of two. Numbers that belong to a word (ids, versions) and lengths of time are left out (spans tell those), and so are HTTP statuses.
WITH '(?:^|[ =:(\\[])(-?[0-9]{1,15}(?:\\.[0-9]{1,9})?)(?:[,;:.)\\]%]?(?: |$))' AS Plain
SELECT
    Service, any(Template) AS Message, Place,
    countIf(Window = 1) AS Lines, countIf(Window > 1) AS UsualLines,
    quantileExactIf(0.5)(Number, Window = 1) AS Now,
    quantilesExactIf(0.1, 0.5, 0.9)(Number, Window > 1) AS Usual,
    anyIf(Line, Window = 1) AS Example, anyIf(Line, Window > 1) AS UsualExample
FROM
(
    SELECT Service, Window, Line, otel_pipeline_mask_v1(Line) AS Template, arrayMap(x -> toFloat64(x), extractAll(replaceAll(Line, ' ', '  '), Plain)) AS Numbers
    FROM
    (
        SELECT
            ServiceName AS Service,
            arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
            replaceRegexpAll(substring(Body, 1, 500), '[0-9.]+ ?(?:ns|us|µs|ms|s|sec|secs|seconds?|minutes?|min|milliseconds?)\\b', '…') AS Line
        FROM otel_logs
        WHERE ServiceName IN {services:Array(String)}
            AND Timestamp >= arrayMin({starts:Array(DateTime64(3))}) AND Timestamp < arrayMax({ends:Array(DateTime64(3))}) AND Window > 0
            AND TraceId != '' AND otel_pipeline_severity_v2(SeverityText, SeverityNumber) NOT IN ('WARN', 'ERROR', 'FATAL')
        LIMIT 2000 BY Service, Window
    )
)
ARRAY JOIN Numbers AS Number, arrayEnumerate(Numbers) AS Place
GROUP BY Service, cityHash64(Template), Place
HAVING Lines >= 20 AND UsualLines >= 20 AND (Now > Usual[3] OR Now < Usual[1]) AND NOT (abs(Now) <= 2 * abs(Usual[2]) AND abs(Usual[2]) <= 2 * abs(Now))
    AND NOT (Now BETWEEN 100 AND 599 AND Usual[2] BETWEEN 100 AND 599)
ORDER BY Service, Lines DESC, Message, Place
LIMIT 20
