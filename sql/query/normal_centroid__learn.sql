-- Grain: root operation × baseline version. Called by detection.normal_centroid, into a staging table of the form of normal_centroids.
-- Own work, the duration of the whole (as operation ''), and gaps: ln of nanoseconds per call, padded so that what is short against the whole does not
-- matter (otel_pipeline_pad_v1). The upper tail is taken as
-- exponential: from the quantile .9 on (High), the probability falls to a tenth with every Scale = (q97 - q90) / log10(10 / 3). Each operation has its
-- own tail: a query that is sometimes ten times as slow needs more to surprise. Robust against faults in up to 3 % of the traces.
INSERT INTO {stage:Identifier}
    (BaselineVersion, RootService, RootOperation, WindowStart, WindowEnd, Traces, Excluded, EmbeddingModel, Centroid, Radius, DurationQuantiles,
    `Shape.Hash`, `Shape.Count`, `Work.Service`, `Work.Operation`, `Work.Traces`, `Work.Center`, `Work.High`, `Work.Scale`,
    `Gap.Caller`, `Gap.Callee`, `Gap.Traces`, `Gap.Center`, `Gap.High`, `Gap.Scale`, `Error.Key`, `Error.Count`, `Template.Key`, `Template.Count`, CodeVersion)
WITH
    operations AS
    (
        SELECT RootService, RootOperation, count() AS Traces, quantilesExact(0.5, 0.9, 0.95, 0.99, 0.999)(Duration) AS DurationQuantiles,
            otel_pipeline_pad_v1(DurationQuantiles[1]) AS Pad
        FROM {traces:Identifier}
        GROUP BY RootService, RootOperation
        HAVING Traces >= {least:UInt32}
    ),
    shapes AS
    (
        SELECT RootService, RootOperation, arraySort(groupArray((ShapeHash, N))) AS Known
        FROM (SELECT RootService, RootOperation, ShapeHash, count() AS N FROM {traces:Identifier} GROUP BY RootService, RootOperation, ShapeHash)
        GROUP BY RootService, RootOperation
    ),
    work AS
    (
        SELECT RootService, RootOperation, arraySort(groupArray((Service, Operation, N, Center, High, Scale))) AS Known
        FROM
        (
            SELECT
                RootService, RootOperation, Service, Operation, count() AS N,
                quantilesExact(0.5, 0.9, 0.97)(log(Ns / Calls + Pad)) AS Quantiles,
                Quantiles[1] AS Center,
                Quantiles[2] AS High,
                greatest({floor:Float64}, (Quantiles[3] - Quantiles[2]) / 0.523) AS Scale
            FROM
            (
                SELECT RootService, RootOperation, Service, Operation, Ns, Calls
                FROM {traces:Identifier}
                ARRAY JOIN
                    arrayPushBack(Self.Service, RootService) AS Service, arrayPushBack(Self.Operation, '') AS Operation,
                    arrayPushBack(Self.Ns, Duration) AS Ns, arrayPushBack(Self.Calls, 1) AS Calls
            ) AS t
            INNER JOIN operations AS o ON t.RootService = o.RootService AND t.RootOperation = o.RootOperation
            GROUP BY RootService, RootOperation, Service, Operation
        )
        GROUP BY RootService, RootOperation
    ),
    gaps AS
    (
        SELECT RootService, RootOperation, arraySort(groupArray((Caller, Callee, N, Center, High, Scale))) AS Known
        FROM
        (
            SELECT
                RootService, RootOperation, Caller, Callee, count() AS N,
                quantilesExact(0.5, 0.9, 0.97)(log(GapNs / Calls + Pad)) AS Quantiles,
                Quantiles[1] AS Center,
                Quantiles[2] AS High,
                greatest({floor:Float64}, (Quantiles[3] - Quantiles[2]) / 0.523) AS Scale
            FROM
            (
                SELECT RootService, RootOperation, Caller, Callee, GapNs, Calls
                FROM {traces:Identifier}
                ARRAY JOIN Edge.Caller AS Caller, Edge.Callee AS Callee, Edge.GapNs AS GapNs, Edge.Calls AS Calls
            ) AS t
            INNER JOIN operations AS o ON t.RootService = o.RootService AND t.RootOperation = o.RootOperation
            GROUP BY RootService, RootOperation, Caller, Callee
        )
        GROUP BY RootService, RootOperation
    ),
    errors AS
    (
        SELECT RootService, RootOperation, arraySort(groupArray((Key, N))) AS Known
        FROM
        (
            SELECT RootService, RootOperation, cityHash64(Service, Operation, Type) AS Key, uniqExact(TraceId) AS N
            FROM {traces:Identifier}
            ARRAY JOIN Error.Service AS Service, Error.Operation AS Operation, Error.Type AS Type
            GROUP BY RootService, RootOperation, Key
        )
        GROUP BY RootService, RootOperation
    ),
    templates AS
    (
        SELECT RootService, RootOperation, arraySort(groupArray((Key, N))) AS Known
        FROM
        (
            SELECT RootService, RootOperation, cityHash64(Service, Template) AS Key, uniqExact(TraceId) AS N
            FROM {traces:Identifier}
            ARRAY JOIN Template.Service AS Service, Template.Id AS Template
            GROUP BY RootService, RootOperation, Key
        )
        GROUP BY RootService, RootOperation
    ),
    vectors AS
    (
        SELECT TextHash, Vector FROM embeddings FINAL WHERE Model = {model:String}
    ),
    centroids AS
    (
        SELECT t.RootService AS RootService, t.RootOperation AS RootOperation, avgForEach(v.Vector) AS Centroid
        FROM {traces:Identifier} AS t
        INNER JOIN vectors AS v ON t.ShapeHash = v.TextHash
        GROUP BY RootService, RootOperation
    ),
    radii AS
    (
        SELECT t.RootService AS RootService, t.RootOperation AS RootOperation, quantileExact(0.99)(cosineDistance(v.Vector, c.Centroid)) AS Radius
        FROM {traces:Identifier} AS t
        INNER JOIN vectors AS v ON t.ShapeHash = v.TextHash
        INNER JOIN centroids AS c ON t.RootService = c.RootService AND t.RootOperation = c.RootOperation
        GROUP BY RootService, RootOperation
    )
SELECT
    {version:DateTime},
    o.RootService,
    o.RootOperation,
    {window_start:DateTime},
    {version:DateTime},
    o.Traces,
    {excluded:UInt64},
    if(empty(c.Centroid), '', {model:String}),
    arrayMap(x -> toFloat32(x), c.Centroid),
    if(empty(c.Centroid), 0, r.Radius),
    o.DurationQuantiles,
    s.Known.1,
    s.Known.2,
    w.Known.1,
    w.Known.2,
    w.Known.3,
    w.Known.4,
    w.Known.5,
    w.Known.6,
    g.Known.1,
    g.Known.2,
    g.Known.3,
    g.Known.4,
    g.Known.5,
    g.Known.6,
    e.Known.1,
    e.Known.2,
    t.Known.1,
    t.Known.2,
    {code_version:String}
FROM operations AS o
LEFT JOIN shapes AS s ON o.RootService = s.RootService AND o.RootOperation = s.RootOperation
LEFT JOIN work AS w ON o.RootService = w.RootService AND o.RootOperation = w.RootOperation
LEFT JOIN gaps AS g ON o.RootService = g.RootService AND o.RootOperation = g.RootOperation
LEFT JOIN errors AS e ON o.RootService = e.RootService AND o.RootOperation = e.RootOperation
LEFT JOIN templates AS t ON o.RootService = t.RootService AND o.RootOperation = t.RootOperation
LEFT JOIN centroids AS c ON o.RootService = c.RootService AND o.RootOperation = c.RootOperation
LEFT JOIN radii AS r ON o.RootService = r.RootService AND o.RootOperation = r.RootOperation
