-- Grain: kind × service × entry × behavior. Key: the same. Called by detection.normal_centroid, into a staging table of the form of normal_behavior.
-- The rarest are left out where there are very many: to be judged, they are as good as unseen.
INSERT INTO {stage:Identifier}
WITH
    visits AS
    (
        SELECT
            Service, Visit.Entry AS Entry, Visit.Calls AS Calls, Visit.Errors AS Errors, Visit.Conduct AS Conduct,
            count() AS N,
            min(arrayMap(c -> (c.1, c.2 / Visit.Times), Visit.Children)) AS Did
        FROM {traces:Identifier}
        ARRAY JOIN Services AS Service, Visits AS Visit
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
