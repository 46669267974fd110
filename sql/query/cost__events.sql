-- Grain: service × name of an event × whether it is one of a log line or of a span. Key: the same. Called by investigate.cost: named events of a window, their
-- bytes, and how many of them warn. The largest first.
SELECT Service, Text, Of, count() AS Rows, sum(Size) AS Bytes, countIf(Warns) AS Warnings
FROM
(
    SELECT
        ServiceName AS Service, if(EventName != '', EventName, LogAttributes['event.name']) AS Text, 'log' AS Of,
        byteSize(Timestamp, TraceId, SpanId, Body, LogAttributes, ResourceAttributes) AS Size,
        SeverityNumber >= 13 AS Warns
    FROM otel_logs
    WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND Text != ''
    UNION ALL
    SELECT ServiceName, Event.1, 'span', byteSize(Event.1, Event.2), Event.1 ILIKE '%exception%' OR Event.1 ILIKE '%error%'
    FROM otel_traces
    ARRAY JOIN arrayZip(`Events.Name`, `Events.Attributes`) AS Event
    WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND notEmpty(`Events.Name`)
)
GROUP BY Service, Text, Of
ORDER BY Bytes DESC, Service, Text, Of
LIMIT 500
