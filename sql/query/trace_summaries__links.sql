-- Grain: a span with its parent. Key: Span. Called by detection.trace_summaries as its second step, into a staging table.
-- From/To: the part of the parent's time that the span covers. A span of another host that fits into its parent but lies outside it
-- has a skewed clock, and is moved inside; one that is longer than its parent has outlived it, and counts only as far as the parent lasts.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    c.*,
    p.Service AS ParentService,
    p.Operation AS ParentOperation,
    CAST(p.Kind IN ('Server', 'Consumer'), 'UInt8') AS ParentServes,
    p.Span != 0 AS HasParent,
    HasParent AND c.Service != p.Service AS Crosses,
    if(Crosses AND c.End - c.Start <= p.End - p.Start, least(greatest(c.Start, p.Start), p.End - (c.End - c.Start)), c.Start) AS Moved,
    greatest(Moved, p.Start) AS From,
    greatest(From, least(Moved + (c.End - c.Start), p.End)) AS To,
    HasParent AND c.End > p.End + 1000000 AND c.End - c.Start > p.End - p.Start AS Outlives,
    p.End - p.Start AS ParentDuration
FROM {spans:Identifier} AS c
LEFT ANY JOIN {spans:Identifier} AS p ON c.Parent = p.Span
