-- Grain: a span with its own work. Key: Span. Called by detection.trace_summaries as its sixth step, into a staging table.
-- Own work: duration minus the union of the children. A span whose only child is on another service is the wire, not work: its excess is the
-- edge's gap. A span that serves a request works, whatever it calls: some libraries make no span for the caller's side. So does one that sends a message.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH children AS
(
    SELECT
        Parent AS Span,
        intervalLengthSumIf(From, To, NOT Async) AS Covered,
        count() AS Children,
        countIf(Crosses AND NOT Async) AS CrossChildren,
        max(Failed) AS ChildFailed,
        minIf(Service, Crosses) AS Callee,
        countIf(Crosses) > 0 AS Calls
    FROM {links:Identifier}
    WHERE HasParent
    GROUP BY Parent
)
SELECT
    l.*,
    c.Children = 1 AND c.CrossChildren = 1 AND l.Kind NOT IN ('Server', 'Consumer') AS Wire,
    greatest(l.End - l.Start - toInt64(c.Covered), 0) AS Own,
    l.Failed AND NOT c.ChildFailed AS Origin,
    if(c.Calls, c.Callee, l.Peer) AS PeerService
FROM {links:Identifier} AS l
LEFT ANY JOIN children AS c ON l.Span = c.Span
