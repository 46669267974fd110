-- Grain: template. Called by investigate.search: example lines and traces from the last hour in which each was seen.
SELECT
    TemplateId,
    argMax(ExampleBodies, (LastSeen, ServiceName)) AS Bodies,
    argMax(ExampleTraceIds, (LastSeen, ServiceName)) AS TraceIds
FROM log_template_counts
WHERE TemplateId IN {ids:Array(UInt64)} AND Hour IN {hours:Array(DateTime)}
GROUP BY TemplateId
