-- Grain: service × operation × error. Called by tools.overview: where errors begin (spans that failed without a failed child), the most frequent first.
SELECT
    ErrorService AS Service, ErrorOperation AS Operation, ErrorType AS Type, any(ErrorMessage) AS Message, sum(ErrorCount) AS Spans, any(TraceId) AS Trace
FROM trace_summaries
ARRAY JOIN
    Error.Service AS ErrorService, Error.Operation AS ErrorOperation, Error.Type AS ErrorType, Error.Message AS ErrorMessage,
    Error.Count AS ErrorCount, Error.Origin AS Origin
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    AND Origin AND ({service:String} = '' OR ErrorService = {service:String})
GROUP BY Service, Operation, Type
ORDER BY Spans DESC, Service, Operation, Type
LIMIT 10
