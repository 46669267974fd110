-- Grain: caller × callee in traces in which a service takes part; '' as the callee: of those traces, a service that takes part. Key: (Caller, Callee). Called
-- by investigate.gather: on whom the service depends, and who depends on it.
SELECT Pair.1 AS Caller, Pair.2 AS Callee, count() AS Traces
FROM
(
    SELECT arrayDistinct(arrayConcat(
        arrayZip(arrayMap(s -> toString(s), Edge.Caller), arrayMap(s -> toString(s), Edge.Callee)),
        arrayFilter(x -> x.2 != '', arrayZip(arrayMap(s -> toString(s), Error.Service), arrayMap(s -> toString(s), Error.Peer))),
        arrayMap(s -> (toString(s), ''), Services)
    )) AS Pairs
    FROM trace_summaries
    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
        AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND has(Services, {service:String})
)
ARRAY JOIN Pairs AS Pair
GROUP BY Caller, Callee
ORDER BY Traces DESC, Caller, Callee
