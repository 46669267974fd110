-- Grain: hour × minute. Called by detection.trace_summaries: minutes far from the hour in which traces that begin in it have spans, and minutes of the hour
-- in which traces have spans that begin in another hour, far from it: rows that arrive for them change that hour.
INSERT INTO lineage_far (Hour, Minute)
SELECT DISTINCT toDateTime({start:DateTime64(9)}), toStartOfMinute(toDateTime(Timestamp)) AS Minute
FROM otel_traces
WHERE Timestamp >= {since:DateTime64(9)} AND Timestamp < {until:DateTime64(9)}
    AND (Timestamp < {start:DateTime64(9)} - INTERVAL 15 MINUTE OR Timestamp >= {end:DateTime64(9)} + INTERVAL 15 MINUTE)
    AND TraceId IN (SELECT TraceId FROM {far:Identifier} WHERE TraceId IN (SELECT TraceId FROM {stage:Identifier}))
UNION ALL
SELECT DISTINCT s.Hour, e.Minute
FROM
(
    SELECT TraceId, toStartOfMinute(toDateTime(Timestamp)) AS Minute
    FROM otel_traces
    WHERE Timestamp >= {start:DateTime64(9)} AND Timestamp < {end:DateTime64(9)}
        AND TraceId IN (SELECT TraceId FROM {chosen:Identifier} WHERE TraceId NOT IN (SELECT TraceId FROM {stage:Identifier}))
    GROUP BY TraceId, Minute
) AS e
INNER JOIN
(
    SELECT TraceId, Hour
    FROM trace_summaries
    WHERE Hour >= toDateTime({start:DateTime64(9)}) - INTERVAL 12 HOUR AND Hour < toDateTime({end:DateTime64(9)}) + INTERVAL 12 HOUR
        AND Hour != toDateTime({start:DateTime64(9)})
        AND TraceId IN (SELECT TraceId FROM {chosen:Identifier} WHERE TraceId NOT IN (SELECT TraceId FROM {stage:Identifier}))
) AS s ON e.TraceId = s.TraceId
WHERE e.Minute < s.Hour - INTERVAL 15 MINUTE OR e.Minute >= s.Hour + INTERVAL 75 MINUTE
