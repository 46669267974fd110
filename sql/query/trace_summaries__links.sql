-- Grain: a span with its parent. Key: Span. Called by detection.trace_summaries as its fifth step, into a staging table.
-- Where several spans share an id, each is the child of the one around it, and who names the id as its parent means the innermost one of its own
-- service, or else the innermost one of all.
-- From/To: the part of the parent's time that the span covers. A span of another host that fits into its parent but lies outside it
-- has a skewed clock, and is moved inside; one that is longer than its parent has outlived it, and counts only as far as the parent lasts.
-- Async: a message, which nobody waits for: it covers nothing of its sender's time, and what passes until it is taken is in no span.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    c.*,
    p.Service AS ParentService,
    p.Operation AS ParentOperation,
    CAST(p.Kind IN ('Server', 'Consumer'), 'UInt8') AS ParentServes,
    p.Span != 0 AS HasParent,
    HasParent AND (p.Kind = 'Producer' OR (c.Kind = 'Consumer' AND (c.Service != p.Service OR c.Start >= p.End))) AS Async,
    HasParent AND (c.Service != p.Service OR Async) AS Crosses,
    if(
        Crosses AND NOT Async AND c.End - c.Start <= p.End - p.Start, least(greatest(c.Start, p.Start), p.End - (c.End - c.Start)), c.Start
    ) AS Moved,
    greatest(Moved, p.Start) AS From,
    greatest(From, least(Moved + (c.End - c.Start), p.End)) AS To,
    HasParent AND NOT Async AND c.End > p.End + 1000000 AND c.End - c.Start > p.End - p.Start AS Outlives,
    multiIf(NOT Crosses, 0, Async, greatest(c.Start - p.End, 0), ParentServes, 0, greatest(p.End - p.Start - (c.End - c.Start), 0)) AS Gap
FROM
(
    SELECT
        s.*,
        if(empty(t.Keys), s.Id, s.Key) AS Span,
        indexOf(t.Keys, s.Key) AS Place,
        multiIf(
            Place > 1, t.Keys[Place - 1],
            s.ParentId = s.Id, 0,
            notEmpty(u.Keys), u.Keys[if(has(u.Services, s.Service), arrayLastIndex(x -> x = s.Service, u.Services), -1)],
            s.ParentId
        ) AS Parent
    FROM {spans:Identifier} AS s
    LEFT ANY JOIN {shared:Identifier} AS t ON s.Id = t.Id
    LEFT ANY JOIN {shared:Identifier} AS u ON s.ParentId = u.Id
) AS c
LEFT ANY JOIN
(
    SELECT if(Id IN (SELECT Id FROM {shared:Identifier}), Key, Id) AS Span, Service, Operation, Kind, Start, End FROM {spans:Identifier}
) AS p ON c.Parent = p.Span
