-- Grain: a visit: what one service did within one trace. Key: (TraceId, Service). A view over trace_summaries; called by detection.causes and by people.
CREATE OR REPLACE VIEW service_visits ${ON_CLUSTER} AS
SELECT
    t.Hour AS Hour,
    t.Timestamp AS Timestamp,
    t.TraceId AS TraceId,
    t.RootService AS RootService,
    t.RootOperation AS RootOperation,
    Service,
    otel_pipeline_entries_v1(Service, t.Edge.Operation, t.Edge.Callee, t.RootService, t.RootOperation) AS Entries,
    greatest(1, arraySum((calls, service) -> if(service = Service, calls, 0), t.Edge.Calls, t.Edge.Callee)) AS Calls,
    arraySum((ns, service) -> if(service = Service, ns, 0), t.Self.Ns, t.Self.Service) AS OwnNs,
    arraySum((ns, service) -> if(service = Service, ns, 0), t.Edge.GapNs, t.Edge.Callee) AS GapNs,
    arrayFilter((id, service) -> service = Service, t.Template.Id, t.Template.Service) AS TemplateIds,
    has(t.Error.Service, Service) AS Failed,
    otel_pipeline_conduct_v1(
        Service, t.Template.Id, t.Template.Service, t.Template.Count, arrayZip(t.Error.Operation, t.Error.Type, t.Error.Origin), t.Error.Service
    ) AS Conduct,
    arrayDistinct(arrayZip(t.Edge.Caller, t.Edge.Callee)) AS TraceCalls,
    t.Versions[Service] AS Version
FROM trace_summaries AS t
ARRAY JOIN t.Services AS Service
