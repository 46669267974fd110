-- Grain: one row. Called by detection.names: services, and operations of them, in a table of spans, and in what has been summarised of the hour already.
SELECT uniqExact(Service) AS Services, uniqExact(Service, Operation) AS Operations, max(OfService) AS MostOfOne
FROM
(
    SELECT Service, Operation, count() OVER (PARTITION BY Service) AS OfService
    FROM
    (
        SELECT DISTINCT Service, Operation FROM {spans:Identifier}
        UNION DISTINCT
        SELECT DISTINCT Service, Operation
        FROM trace_summaries
        ARRAY JOIN `Self.Service` AS Service, `Self.Operation` AS Operation
        WHERE NOT {whole:Bool} AND Hour = {hour:DateTime}
    )
)
