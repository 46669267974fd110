-- Grain: incident. Key: IncidentId. Called by demo.report: incidents that touch the window of the demo.
SELECT
    IncidentId, Start, End, Service, Title, Anomalous,
    arrayMap(
        (what, service, operation, traces) -> concat(what, ' [', service, ' ', operation, ', ', toString(traces), ' traces]'),
        `Reasons.What`, `Reasons.Service`, `Reasons.Operation`, `Reasons.Traces`
    ) AS AllReasons,
    -- What points at the blamed service first; the order within stays.
    arraySort((reason, service) -> service != Service, AllReasons, `Reasons.Service`) AS Reasons,
    ExampleTraceIds, PatternId
FROM incidents
WHERE Hour >= toStartOfHour({since:DateTime64(3)}) - toIntervalHour(1) AND End >= {since:DateTime64(3)} AND Start < {until:DateTime64(3)}
ORDER BY Start
