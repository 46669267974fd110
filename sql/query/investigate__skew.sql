-- Grain: attribute × value × service. Key: the same. Called by investigate.skew: bad and good traces of the same root
-- operations that carry it, the most over-represented first. At most some hundred traces of each are looked at, chosen by hash. Values that hardly any
-- bad trace has are left out early: ids that differ from trace to trace never come together. What names the outcome is no cause.
WITH
    judged AS
    (
        SELECT TraceId, RootService, RootOperation, Entries, Bad
        FROM
        (
            SELECT
                s.TraceId AS TraceId, s.RootService AS RootService, s.RootOperation AS RootOperation,
                arrayConcat([(s.RootService, s.RootOperation)], arrayZip(s.Edge.Callee, s.Edge.Operation)) AS Entries,
                if({anomalous:Bool}, s.TraceId IN (
                    SELECT TraceId
                    FROM anomaly_scores
                    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)} AND Verdict = 'anomalous'
                        AND has(Reasons.Service, {service:String})
                        AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
                ), s.ErrorCount > 0) AS Bad
            FROM trace_summaries AS s
            WHERE s.Hour >= toStartOfHour({start:DateTime64(3)}) AND s.Hour <= {end:DateTime64(3)}
                AND s.Timestamp >= {start:DateTime64(3)} AND s.Timestamp < {end:DateTime64(3)}
        )
        ORDER BY cityHash64(TraceId)
        LIMIT 800 BY Bad
    ),
    -- As a scalar: it is needed four times, and a common table expression would be worked out anew each time.
    (
        SELECT (groupArrayIf(TraceId, Bad), groupArrayIf(TraceId, NOT Bad), groupUniqArrayArray(Entries))
        FROM (SELECT TraceId, Entries, Bad, max(Bad) OVER (PARTITION BY RootService, RootOperation) AS Affected FROM judged)
        WHERE Affected
    ) AS chosen,
    carried AS
    (
        SELECT DISTINCT TraceId, Tag.1 AS Key, Tag.2 AS Value, Tag.3 AS Service
        FROM
        (
            SELECT
                TraceId,
                arrayJoin(arrayConcat(
                    if(otel_pipeline_entry_v1(SpanKind, ParentSpanId),
                        arrayMap((k, v) -> (toString(k), v, toString(ServiceName)), mapKeys(SpanAttributes), mapValues(SpanAttributes)), []),
                    arrayMap((k, v) -> (toString(k), v, toString(ServiceName)), mapKeys(ResourceAttributes), mapValues(ResourceAttributes))
                )) AS Tag
            FROM otel_traces
            WHERE Timestamp >= {start:DateTime64(3)} - INTERVAL 1 MINUTE AND Timestamp < {end:DateTime64(3)} + INTERVAL 2 MINUTE
                -- Only the spans by which services were entered are read: the table is ordered by their names.
                AND (ServiceName, SpanName) IN (SELECT arrayJoin(arrayMap(e -> (toString(e.1), toString(e.2)), chosen.3)))
                AND TraceId IN (SELECT arrayJoin(arrayConcat(chosen.1, chosen.2)))
        )
        WHERE Value != '' AND length(Value) <= 100
            AND NOT match(Key, '(?i)^(error|exception|http\\.(response|status)|otel\\.status|rpc\\..*status|network|net|thread|process|telemetry|url|http\\.(url|target|route|host|method|request))([._]|$)|(^|[._])(port|pid|status_code|stacktrace)$')
    ),
    values AS
    (
        SELECT Key, Value, Service, countIf(TraceId IN (SELECT arrayJoin(chosen.1))) AS Bad, count() - Bad AS Good
        FROM carried
        GROUP BY Key, Value, Service
    )
SELECT Key, Value, Service, Bad, Good, OfBad, OfGood, Distinct
FROM
(
    -- Among the traces that tell the key at that service: which services a trace visits is another question.
    SELECT
        *,
        count() OVER tellers AS Distinct,
        least(sum(Bad) OVER tellers, length(chosen.1)) AS OfBad,
        least(sum(Good) OVER tellers, length(chosen.2)) AS OfGood
    FROM values
    WINDOW tellers AS (PARTITION BY Key, Service)
)
-- A key that good traces hardly have comes with the trouble; it does not tell who has it.
WHERE Bad >= 5 AND Bad >= 0.1 * OfBad AND OfGood >= 20 AND Bad / OfBad > 1.5 * (Good + 0.5) / (OfGood + 1)
ORDER BY (Bad / OfBad) * log((Bad / OfBad) / ((Good + 0.5) / (OfGood + 1))) DESC, Key, Value, Bad DESC, Service
LIMIT 100
