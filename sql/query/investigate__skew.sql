-- Grain: attribute × value × service. Key: the same. Called by investigate.skew: which bad and good traces of the same root operations carry it, by number
-- from 1 on, and which tell the attribute at all; the most over-represented first. At most some hundred traces of each are looked at, chosen by hash.
-- Attributes count of spans by which services were entered and of resources, and of any span of the service in question. Bad: by errors that begin at the
-- service or at who calls it, by its own work or network time being slower than nearly all of the other windows, or by being anomalous on its account.
-- Of a span the first so many are read (most). Values that hardly any bad trace has are left out early: ids that differ from trace to trace never come together. What names the outcome is no cause.
WITH
    slow AS
    (
        SELECT v.TraceId AS TraceId
        FROM service_visits AS v
        INNER JOIN
        (
            SELECT cityHash64(Entries) AS Entry, 1.2 * quantileExact(0.95)(OwnNs / Calls) + 1e6 AS SlowOwn, 1.2 * quantileExact(0.95)(GapNs / Calls) + 1e6 AS SlowGap
            FROM service_visits
            WHERE {by:String} = 'slow' AND Hour IN {hours:Array(DateTime)} AND Service = {service:String}
                AND arrayExists((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
            GROUP BY Entry
            HAVING count() >= 10
        ) AS q ON cityHash64(v.Entries) = q.Entry
        WHERE {by:String} = 'slow' AND v.Hour IN {hours:Array(DateTime)} AND v.Service = {service:String}
            AND v.Timestamp >= {start:DateTime64(3)} AND v.Timestamp < {end:DateTime64(3)}
            AND (v.OwnNs / v.Calls > q.SlowOwn OR v.GapNs / v.Calls > q.SlowGap)
    ),
    judged AS
    (
        SELECT TraceId, RootService, RootOperation, Entries, Bad
        FROM
        (
            SELECT
                s.TraceId AS TraceId, s.RootService AS RootService, s.RootOperation AS RootOperation,
                arrayConcat([(s.RootService, s.RootOperation)], arrayZip(s.Edge.Callee, s.Edge.Operation)) AS Entries,
                multiIf(
                    {by:String} = 'anomalies', s.TraceId IN (
                        SELECT TraceId
                        FROM anomaly_scores
                        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)} AND Verdict = 'anomalous'
                            AND has(Reasons.Service, {service:String})
                            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
                    ),
                    {by:String} = 'slow', s.TraceId IN (SELECT TraceId FROM slow),
                    arrayExists(
                        (service, peer, origin) -> origin AND (service = {service:String} OR peer = {service:String}),
                        s.Error.Service, s.Error.Peer, s.Error.Origin
                    )
                    OR (NOT has(s.Error.Service, {service:String}) AND arrayExists(
                        (service, severity) -> severity >= 17 AND service = {service:String}, s.Template.Service, s.Template.Severity
                    ))
                ) AS Bad
            FROM trace_summaries AS s
            WHERE s.Hour >= toStartOfHour({start:DateTime64(3)}) AND s.Hour <= {end:DateTime64(3)}
                AND s.Timestamp >= {start:DateTime64(3)} AND s.Timestamp < {end:DateTime64(3)}
        )
        ORDER BY cityHash64(TraceId)
        LIMIT 800 BY Bad
    ),
    -- As a scalar: it is needed several times, and a common table expression would be worked out anew each time.
    (
        SELECT (groupArray(TraceId), groupArray(Bad), groupUniqArrayArray(Entries))
        FROM (SELECT TraceId, Entries, Bad, max(Bad) OVER (PARTITION BY RootService, RootOperation) AS Affected FROM judged ORDER BY Bad DESC, TraceId)
        WHERE Affected
    ) AS chosen,
    carried AS
    (
        SELECT DISTINCT toUInt16(transform(TraceId, chosen.1, arrayMap(x -> toUInt16(x), arrayEnumerate(chosen.1)), toUInt16(0))) AS Trace, Tag.1 AS Key, Tag.2 AS Value, Tag.3 AS Service
        FROM
        (
            SELECT
                TraceId,
                arrayJoin(arrayConcat(
                    if(otel_pipeline_entry_v1(SpanKind, ParentSpanId) OR ServiceName = {service:String},
                        arrayMap(
                            (k, v) -> (toString(k), v, toString(ServiceName)),
                            arraySlice(mapKeys(SpanAttributes), 1, {most:UInt16}), arraySlice(mapValues(SpanAttributes), 1, {most:UInt16})
                        ), []),
                    arrayMap(
                        (k, v) -> (toString(k), v, toString(ServiceName)),
                        arraySlice(mapKeys(ResourceAttributes), 1, {most:UInt16}), arraySlice(mapValues(ResourceAttributes), 1, {most:UInt16})
                    )
                )) AS Tag
            FROM otel_traces
            WHERE Timestamp >= {start:DateTime64(3)} - INTERVAL 1 MINUTE AND Timestamp < {end:DateTime64(3)} + INTERVAL 2 MINUTE
                -- Only the spans by which services were entered are read: the table is ordered by their names.
                AND (ServiceName = {service:String}
                    OR (ServiceName, SpanName) IN (SELECT arrayJoin(arrayMap(e -> (toString(e.1), toString(e.2)), chosen.3))))
                AND TraceId IN (SELECT arrayJoin(chosen.1))
        )
        WHERE Value != '' AND length(Value) <= 100
            AND NOT match(Key, '(?i)^(error|exception|http\\.(response|status)|otel\\.status|rpc\\..*status|network|net|thread|process|telemetry|url|http\\.(url|target|route|host|method|request))([._]|$)|(^|[._])(port|pid|status|status_code|stacktrace|outcome|result|success|succeeded|failed|failure|reason|retry|retries|retry_count|resend_count|attempts?|fallback|timeout|timed_out|duration|duration_ms|elapsed|elapsed_ms|latency|latency_ms)$')
    ),
    tellers AS (SELECT Key, Service, groupUniqArray(Trace) AS Told, uniqExact(Value) AS Distinct FROM carried GROUP BY Key, Service)
SELECT v.Key AS Key, v.Value AS Value, v.Service AS Service, Traces, t.Told AS Told, t.Distinct AS Distinct, countEqual(chosen.2, true) AS OfBad
FROM
(
    SELECT Key, Value, Service, groupUniqArray(Trace) AS Traces, arrayCount(x -> chosen.2[x], Traces) AS Bad
    FROM carried
    GROUP BY Key, Value, Service
) AS v
INNER JOIN tellers AS t ON v.Key = t.Key AND v.Service = t.Service
-- A key that good traces hardly have comes with the trouble; it does not tell who has it.
WHERE Bad >= 5 AND Bad >= 0.02 * OfBad AND t.Distinct > 1 AND length(t.Told) - arrayCount(x -> chosen.2[x], t.Told) >= 20
ORDER BY Bad / OfBad * log((Bad / OfBad + 0.001) / ((length(Traces) - Bad + 0.5) / (length(chosen.1) - OfBad + 1))) DESC, Key, Value, Bad DESC, Service
LIMIT 150
