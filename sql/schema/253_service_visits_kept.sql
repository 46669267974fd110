-- Grain: a visit: what one service did within one trace. Key: (TraceId, Service). A view over trace_summaries; called by detection.causes and by people.
-- As 063, with what trace_summaries keeps of visits.
CREATE OR REPLACE VIEW service_visits ${ON_CLUSTER} AS
SELECT
    t.Hour AS Hour,
    t.Timestamp AS Timestamp,
    t.TraceId AS TraceId,
    t.RootService AS RootService,
    t.RootOperation AS RootOperation,
    Service,
    Entries,
    Calls,
    arraySum((ns, service) -> if(service = Service, ns, 0), t.Self.Ns, t.Self.Service) AS OwnNs,
    arraySum((ns, service) -> if(service = Service, ns, 0), t.Edge.GapNs, t.Edge.Callee) AS GapNs,
    arrayFilter((id, service) -> service = Service, t.Template.Id, t.Template.Service) AS TemplateIds,
    has(t.Error.Service, Service) AS Failed,
    Conduct,
    arrayDistinct(arrayZip(t.Edge.Caller, t.Edge.Callee)) AS TraceCalls,
    t.Versions[Service] AS Version
FROM trace_summaries AS t
ARRAY JOIN t.Services AS Service, t.Visits.Entries AS Entries, t.Visits.Times AS Calls, t.Visits.Conduct AS Conduct
