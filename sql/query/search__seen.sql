-- Grain: template. Called by investigate.search: lines, first and last seen and examples in a window, counted by hour.
SELECT
    TemplateId,
    sum(Count) AS Lines,
    min(FirstSeen) AS First,
    max(LastSeen) AS Last,
    arraySort(groupUniqArray(ServiceName)) AS ServiceNames,
    argMax(ExampleBodies, (LastSeen, ServiceName)) AS Bodies,
    argMax(ExampleTraceIds, (LastSeen, ServiceName)) AS TraceIds
FROM log_template_counts
WHERE TemplateId IN {ids:Array(UInt64)} AND Hour >= {from_hour:DateTime} AND Hour < {to_hour:DateTime}
    AND ({service:String} = '' OR ServiceName = {service:String})
GROUP BY TemplateId
