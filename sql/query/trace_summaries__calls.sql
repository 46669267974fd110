-- Grain: a trace × caller and its operation × service and its operation. Key: the same. Called by detection.trace_summaries as its seventh step, into a
-- staging table: calls, self time and gaps; the last step reads it twice.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    Trace,
    ParentService,
    ParentOperation,
    HasParent,
    Service,
    Operation,
    Crosses,
    count() AS Calls,
    if(HasParent, uniqExact(Parent), 1) AS Parents,
    countIf(NOT Wire) AS Works,
    sumIf(Own, NOT Wire) AS Work,
    sum(o.Gap) AS Gap,
    countIf(Outlives) AS Outlived,
    countIf(Failed) AS Failures
FROM {own:Identifier} AS o
GROUP BY Trace, ParentService, ParentOperation, HasParent, Service, Operation, Crosses
