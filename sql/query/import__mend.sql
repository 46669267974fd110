-- Called by importer: log lines, those without a usable time at that of their span, or else of their trace.
INSERT INTO {stage:Identifier}
SELECT l.* REPLACE (if(
    l.Timestamp >= '1971-01-01' AND l.Timestamp <= now() + INTERVAL 1 YEAR,
    l.Timestamp,
    if(s.Timestamp > '1971-01-01', s.Timestamp, t.Timestamp)
) AS Timestamp)
FROM {logs:Identifier} AS l
LEFT ANY JOIN
(
    SELECT TraceId, SpanId, min(Timestamp) AS Timestamp
    FROM {spans:Identifier}
    WHERE SpanId IN (SELECT SpanId FROM {logs:Identifier} WHERE Timestamp < '1971-01-01' OR Timestamp > now() + INTERVAL 1 YEAR)
    GROUP BY TraceId, SpanId
) AS s ON l.TraceId = s.TraceId AND l.SpanId = s.SpanId
LEFT ANY JOIN
(
    SELECT TraceId, min(Timestamp) AS Timestamp
    FROM {spans:Identifier}
    WHERE TraceId IN (SELECT TraceId FROM {logs:Identifier} WHERE Timestamp < '1971-01-01' OR Timestamp > now() + INTERVAL 1 YEAR)
    GROUP BY TraceId
) AS t ON l.TraceId = t.TraceId
