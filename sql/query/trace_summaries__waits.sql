-- Grain: a trace × who sent messages that it took × who took them, and as what. Key: the same. Called by detection.trace_summaries, into a staging table:
-- messages that are known by links: what passes until they are taken is in no span, of this trace or another. Senders are looked for within twelve hours.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH
    (
        SELECT (toDateTime64(min(Start), 9), toDateTime64(max(End) + 1, 9))
        FROM otel_traces_trace_id_ts
        WHERE Start >= {start:DateTime} - INTERVAL 12 HOUR AND Start < {end:DateTime} + INTERVAL 12 HOUR
            AND TraceId IN (SELECT arrayJoin(Links).1 FROM {links:Identifier} WHERE notEmpty(Links))
    ) AS Extent
SELECT c.Trace AS Trace, p.Service AS Caller, c.Service AS Callee, c.Operation AS Operation, count() AS Calls, sum(greatest(c.Start - p.End, 0)) AS Gap
FROM
(
    SELECT DISTINCT Trace, Span, Service, Operation, Start, cityHash64(Link.1, Link.2) AS Sender
    FROM {links:Identifier}
    ARRAY JOIN Links AS Link
) AS c
ANY INNER JOIN
(
    SELECT cityHash64(TraceId, SpanId) AS Id, ServiceName AS Service, toUnixTimestamp64Nano(Timestamp) + toInt64(Duration) AS End
    FROM otel_traces
    WHERE Timestamp >= Extent.1 AND Timestamp < Extent.2
        AND (TraceId, SpanId) IN (SELECT arrayJoin(Links) FROM {links:Identifier} WHERE notEmpty(Links))
    LIMIT 1 BY Id
) AS p ON c.Sender = p.Id
GROUP BY Trace, Caller, Callee, Operation
