-- Grain: kind × service × entry × behavior. Key: the same. Called by detection.normal_centroid, into a staging table of the form of normal_behavior.
-- The rarest are left out where there are very many: to be judged, they are as good as unseen.
INSERT INTO {stage:Identifier}
WITH
    visits AS
    (
        SELECT
            Service,
            cityHash64(Visit.1, t.Environment) AS Entry,
            otel_pipeline_calls_v1(Visit.3, Visit.2) AS Calls,
            cityHash64(arrayDistinct(arrayFilter((e, s) -> s = Service, arrayZip(t.Error.Operation, t.Error.Type), t.Error.Service))) AS Errors,
            otel_pipeline_conduct_v1(
                Service, t.Template.Id, t.Template.Service, t.Template.Count, arrayZip(t.Error.Operation, t.Error.Type, t.Error.Origin), t.Error.Service
            ) AS Conduct,
            count() AS N,
            min(arrayMap(c -> (c.1, c.2 / Visit.2), Visit.3)) AS Did
        FROM {traces:Identifier} AS t
        ARRAY JOIN
            t.Services AS Service,
            otel_pipeline_visits_v1(
                t.Services, t.RootService, t.RootOperation, t.Self.Service, t.Self.Operation, t.Self.Calls,
                t.Edge.Caller, t.Edge.Callee, t.Edge.Operation, t.Edge.Calls
            ) AS Visit
        GROUP BY Service, Entry, Calls, Errors, Conduct
    ),
    behaviors AS
    (
        SELECT
            Kind, Service, Entry, Behavior, sum(N) AS Visits,
            minIf(Did, Kind = 'calls') AS Children
        FROM visits
        ARRAY JOIN ['calls', 'errors', 'conduct'] AS Kind,
            [Calls, Errors, Conduct] AS Behavior
        GROUP BY Kind, Service, Entry, Behavior
    ),
    counted AS
    (
        SELECT
            *,
            sum(Visits) OVER (PARTITION BY Kind, Service, Entry) AS OfEntry,
            sum(Visits) OVER (PARTITION BY Kind, Service, Entry ORDER BY Visits RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS Rarer,
            countIf(Visits = 1) OVER (PARTITION BY Kind, Service, Entry) AS Singles,
            row_number() OVER (PARTITION BY Kind, Service, Entry ORDER BY Visits DESC, Behavior) AS Place
        FROM behaviors
    )
SELECT
    {version:DateTime},
    Kind,
    Service,
    Entry,
    if(Known, Behavior, 0),
    if(Known, Visits, 0),
    OfEntry,
    if(Known, Rarer, Singles),
    Singles,
    Novel,
    Children
FROM
(
    SELECT *, (countIf(Visits = 1 AND OfEntry >= 10) OVER (PARTITION BY Kind) + 0.5) / (sumIf(Visits, OfEntry >= 10) OVER (PARTITION BY Kind) + 1) AS Novel
    FROM counted
)
ARRAY JOIN if(Place = 1, [false, true], [true]) AS Known -- what was not seen has a row for each entry
ORDER BY Known, Visits DESC, Kind, Service, Entry, Behavior
LIMIT 400000
