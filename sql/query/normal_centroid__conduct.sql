-- Grain: service × entry × conduct. Key: the same. Called by detection.normal_centroid, into a staging table of the form of normal_conduct.
-- The rarest are left out where there are very many: to be judged, they are as good as unseen.
INSERT INTO {stage:Identifier} (BaselineVersion, Service, Entry, Conduct, Visits, OfEntry)
WITH visits AS
(
    SELECT
        Service,
        cityHash64(otel_pipeline_entries_v1(Service, t.Edge.Operation, t.Edge.Callee, t.RootService, t.RootOperation), t.Environment) AS Entry,
        otel_pipeline_conduct_v1(
            Service, t.Template.Id, t.Template.Service, t.Template.Count, arrayZip(t.Error.Operation, t.Error.Type, t.Error.Origin), t.Error.Service
        ) AS Conduct
    FROM {traces:Identifier} AS t
    ARRAY JOIN t.Services AS Service
)
SELECT {version:DateTime}, Service, Entry, Conduct, count() AS Visits, sum(Visits) OVER (PARTITION BY Service, Entry) AS OfEntry
FROM visits
GROUP BY Service, Entry, Conduct
ORDER BY Visits DESC, Service, Entry, Conduct
LIMIT 200000
