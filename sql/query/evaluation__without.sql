-- Grain: a trace. Called by evaluation.ablation: summaries in which one part of what is known of a trace is blank; '' leaves all as it is.
-- What is blank is so for every trace, normal or not: it can neither be learned nor surprise.
INSERT INTO trace_summaries
SELECT * REPLACE
(
    if({part:String} = 'structure', '', Shape) AS Shape,
    if({part:String} = 'structure', 0, ShapeHash) AS ShapeHash,
    if({part:String} = 'self time', arrayMap(ns -> toUInt64(0), `Self.Ns`), `Self.Ns`) AS `Self.Ns`,
    if({part:String} = 'edge gap', arrayMap(ns -> toUInt64(0), `Edge.GapNs`), `Edge.GapNs`) AS `Edge.GapNs`,
    if({part:String} = 'edge gap', arrayMap(n -> toUInt32(0), `Edge.Outlived`), `Edge.Outlived`) AS `Edge.Outlived`,
    if({part:String} = 'duration', 0, Duration) AS Duration,
    if({part:String} = 'errors', 0, ErrorCount) AS ErrorCount,
    if({part:String} = 'errors', [], `Error.Service`) AS `Error.Service`,
    if({part:String} = 'errors', [], `Error.Operation`) AS `Error.Operation`,
    if({part:String} = 'errors', [], `Error.Type`) AS `Error.Type`,
    if({part:String} = 'errors', [], `Error.Message`) AS `Error.Message`,
    if({part:String} = 'errors', [], `Error.Count`) AS `Error.Count`,
    if({part:String} = 'errors', [], `Error.Origin`) AS `Error.Origin`,
    if({part:String} = 'errors', [], `Error.Peer`) AS `Error.Peer`,
    if({part:String} = 'log templates', [], `Template.Id`) AS `Template.Id`,
    if({part:String} = 'log templates', [], `Template.Service`) AS `Template.Service`,
    if({part:String} = 'log templates', [], `Template.Severity`) AS `Template.Severity`,
    if({part:String} = 'log templates', [], `Template.Count`) AS `Template.Count`
)
FROM trace_summaries_whole
