-- Grain: what one service did in one trace of the windows. Key: (TraceId, Service). Called by detection.normal_centroid, into a staging table that
-- normal_centroid__bursts reads. Behavior: of conduct (log templates and errors) and of calls. Time is cut into slices.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    t.TraceId AS TraceId,
    intDiv(toUnixTimestamp(toDateTime(t.Timestamp)), {width:UInt32}) AS Slice,
    cityHash64(Service, Visit.1, t.Environment) AS Entry,
    otel_pipeline_conduct_v1(
        Service, t.Template.Id, t.Template.Service, t.Template.Count, arrayZip(t.Error.Operation, t.Error.Type, t.Error.Origin), t.Error.Service
    ) AS Conduct,
    otel_pipeline_calls_v1(Visit.3, Visit.2) AS Calls
FROM trace_summaries AS t
ARRAY JOIN
    t.Services AS Service,
    otel_pipeline_visits_v1(
        t.Services, t.RootService, t.RootOperation, t.Self.Service, t.Self.Operation, t.Self.Calls,
        t.Edge.Caller, t.Edge.Callee, t.Edge.Operation, t.Edge.Calls
    ) AS Visit
WHERE t.Complete
    AND t.Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))}))
    AND t.Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
    AND arrayExists((a, b) -> t.Timestamp >= a AND t.Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
    AND cityHash64(t.TraceId) % {thin:UInt32} = 0
