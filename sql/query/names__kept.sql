-- Grain: a service's operation that keeps its name. Key: (Service, Operation). Called by detection.names, into a staging table: those that were seen most in
-- the day before and in the hour, so that what is known stays; among equals those that the hour has already.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT Service, Operation
FROM
(
    SELECT
        Service,
        Operation,
        dense_rank() OVER (ORDER BY OfService DESC, Service) AS ServiceRank,
        row_number() OVER (PARTITION BY Service ORDER BY Seen DESC, Had DESC, Operation) AS OperationRank,
        row_number() OVER (ORDER BY Seen DESC, Had DESC, Service, Operation) AS Rank
    FROM
    (
        SELECT Service, Operation, sum(Times) AS Seen, max(InHour) AS Had, sum(Seen) OVER (PARTITION BY Service) AS OfService
        FROM
        (
            SELECT Service, Operation, count() AS Times, 0 AS InHour, 1 AS Here FROM {spans:Identifier} GROUP BY Service, Operation
            UNION ALL
            SELECT Service, Operation, count() AS Times, max(Hour) = {hour:DateTime} AND NOT {whole:Bool} AS InHour, InHour AS Here
            FROM trace_summaries
            ARRAY JOIN `Self.Service` AS Service, `Self.Operation` AS Operation
            WHERE Hour > {hour:DateTime} - INTERVAL 1 DAY AND Hour <= if({whole:Bool}, {hour:DateTime} - INTERVAL 1 HOUR, {hour:DateTime})
            GROUP BY Service, Operation
        )
        GROUP BY Service, Operation
        HAVING max(Here) = 1 AND Service != {other:String}
    )
)
WHERE ServiceRank <= {services:UInt32} AND OperationRank <= {operations:UInt32} AND Rank <= {names:UInt32}
