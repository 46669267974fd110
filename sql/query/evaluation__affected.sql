-- Grain: a fault × a trace that it touched. Key: the same. Called by evaluation.ledger, which labels traces.
-- A trace is touched when its root began while the fault was switched on, and the broken service did in it what the fault breaks; a scenario that is
-- not listed here breaks all that its service does. What the telemetry shows otherwise plays no part, least of all what the detector says.
SELECT f.Id AS Id, s.TraceId AS TraceId
FROM
(
    SELECT
        TraceId, ServiceName, SpanName, Duration,
        otel_pipeline_enum_v1(SpanKind) AS Kind,
        SpanAttributes['http.response.status_code'] AS Status,
        ResourceAttributes['service.version'] AS Deployed,
        arrayExists(a -> a['exception.type'] LIKE '%StaleCartError', Events.Attributes) AS Stale
    FROM otel_traces
    WHERE Timestamp >= (SELECT min(StartedAt) FROM fault_ledger) AND ServiceName IN (SELECT ServiceName FROM fault_ledger)
) AS s
INNER JOIN
(
    SELECT Id, Scenario, ServiceName, StartedAt, ifNull(EndedAt, now64(3)) AS Ended, Parameters['version'] AS Bad
    FROM fault_ledger FINAL
    WHERE ServiceName != ''
) AS f ON s.ServiceName = f.ServiceName
INNER JOIN (SELECT TraceId, Timestamp FROM trace_summaries) AS t ON s.TraceId = t.TraceId
WHERE t.Timestamp >= f.StartedAt AND t.Timestamp < f.Ended AND multiIf(
    f.Scenario = 'payment_timeout', s.SpanName = 'connect' AND s.Duration > 100000000, -- waited for a connection of the pool
    f.Scenario = 'cascade_failure', s.SpanName = 'inventory.safety_stock', -- read all movements
    f.Scenario = 'intermittent_error', s.Stale, -- lost an update
    f.Scenario = 'slow_query', s.SpanName = 'SELECT products', -- read all reviews
    f.Scenario = 'slow_network', s.Kind = 'Server', -- was reached through the relay
    f.Scenario = 'retry_storm', s.Kind = 'Client' AND s.SpanName LIKE '%GET%', -- asked again, see below
    f.Scenario = 'wrong_content', s.SpanName = 'GET /inventory/check', -- told the stock
    f.Scenario = 'bad_deploy', s.SpanName = 'GET /products/{product_id}' AND s.Deployed = f.Bad, -- the bad version's page
    f.Scenario = 'latency_drift', s.SpanName = 'checkout.loyalty', -- read the whole table
    f.Scenario = 'segment_fault', s.Kind = 'Server' AND s.Status = '500', -- misread the amount
    true
)
GROUP BY Id, TraceId
HAVING count() >= if(any(f.Scenario) = 'retry_storm', 3, 1)
