-- Grain: a span id that several spans share. Key: Id. Called by detection.trace_summaries as its fourth step, into a staging table: the spans, from the
-- outermost to the innermost: each is the child of the one before. Tracers after the manner of Zipkin give both sides of a call one id, proxies hand on
-- that of their caller. Who calls comes before who serves; otherwise the longer span holds the shorter one.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    Id,
    arraySort(m -> (
        notEmpty(Callers) AND (m.3 IN ('Server', 'Consumer') OR NOT has(Callers, m.2)), -m.4, m.3, m.2
    ), groupArray((Key, Service, Kind, End - Start))) AS Members,
    groupUniqArrayIf(Service, Kind IN ('Client', 'Producer')) AS Callers,
    Members.1 AS Keys,
    Members.2 AS Services
FROM {spans:Identifier}
WHERE Id IN (SELECT Id FROM {spans:Identifier} GROUP BY Id HAVING count() > 1)
GROUP BY Id
