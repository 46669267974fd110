-- Grain: text, the nearest first. Called by investigate.nearest where a filter leaves few of the graph's neighbours: a scan over the vectors of the templates
-- that pass it.
WITH
    reinterpret(unhex({vector:String}), 'Array(Float32)') AS query,
    ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] AS severities
SELECT TextHash, cosineDistance(Vector, query) AS Distance
FROM {table:Identifier}
WHERE TextHash IN (
    SELECT TextHash
    FROM log_templates
    WHERE ({service:String} = '' OR has(Services, {service:String}))
        AND ({severity:String} = '' OR indexOf(severities, toString(SeverityText)) >= indexOf(severities, {severity:String}))
        AND LastSeen >= {start:DateTime64(9)} AND FirstSeen < {end:DateTime64(9)}
)
ORDER BY Distance
LIMIT {limit:UInt32}
SETTINGS vector_search_filter_strategy = 'prefilter'
