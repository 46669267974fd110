-- Grain: root operation (in its environment) × baseline version. Called by detection.normal_centroid, into a staging table of the form of normal_centroids.
-- How long things take and how services behave stands in normal_times and normal_behavior.
INSERT INTO {stage:Identifier}
    (BaselineVersion, Holds, RootService, RootOperation, Environment, WindowStart, WindowEnd, Traces, Excluded, EmbeddingModel, Centroid, Radius, DurationQuantiles,
    `Shape.Hash`, `Shape.Count`, `Error.Key`, `Error.Count`, `Template.Key`, `Template.Count`, CodeVersion)
WITH
    operations AS
    (
        SELECT RootService, RootOperation, Environment, count() AS Traces, quantilesExact(0.5, 0.9, 0.95, 0.99, 0.999)(Duration) AS DurationQuantiles
        FROM {traces:Identifier}
        GROUP BY RootService, RootOperation, Environment
        HAVING Traces >= {least:UInt32}
    ),
    shapes AS
    (
        SELECT RootService, RootOperation, Environment, arraySort(groupArray((ShapeHash, N))) AS Known
        FROM (SELECT RootService, RootOperation, Environment, ShapeHash, count() AS N FROM {traces:Identifier} GROUP BY RootService, RootOperation, Environment, ShapeHash)
        GROUP BY RootService, RootOperation, Environment
    ),
    errors AS
    (
        SELECT RootService, RootOperation, Environment, arraySort(groupArray((Key, N))) AS Known
        FROM
        (
            SELECT RootService, RootOperation, Environment, cityHash64(Service, Operation, Type) AS Key, uniqExact(TraceId) AS N
            FROM {traces:Identifier}
            ARRAY JOIN Error.Service AS Service, Error.Operation AS Operation, Error.Type AS Type
            GROUP BY RootService, RootOperation, Environment, Key
        )
        GROUP BY RootService, RootOperation, Environment
    ),
    templates AS
    (
        SELECT RootService, RootOperation, Environment, arraySort(groupArray((Key, N))) AS Known
        FROM
        (
            SELECT RootService, RootOperation, Environment, cityHash64(Service, Template) AS Key, uniqExact(TraceId) AS N
            FROM {traces:Identifier}
            ARRAY JOIN Template.Service AS Service, Template.Id AS Template
            GROUP BY RootService, RootOperation, Environment, Key
        )
        GROUP BY RootService, RootOperation, Environment
    ),
    vectors AS
    (
        -- those that are there; what cannot be compared (another length, no number) is as good as not there
        SELECT TextHash, Vector
        FROM embeddings FINAL
        WHERE Model = {model:String} AND isFinite(arraySum(Vector))
            AND length(Vector) = (SELECT anyHeavy(length(Vector)) FROM embeddings WHERE Model = {model:String})
    ),
    centroids AS
    (
        SELECT t.RootService AS RootService, t.RootOperation AS RootOperation, t.Environment AS Environment, avgForEach(v.Vector) AS Centroid
        FROM {traces:Identifier} AS t
        INNER JOIN vectors AS v ON t.ShapeHash = v.TextHash
        GROUP BY RootService, RootOperation, Environment
    ),
    radii AS
    (
        SELECT t.RootService AS RootService, t.RootOperation AS RootOperation, t.Environment AS Environment, quantileExact(0.99)(cosineDistance(v.Vector, c.Centroid)) AS Radius
        FROM {traces:Identifier} AS t
        INNER JOIN vectors AS v ON t.ShapeHash = v.TextHash
        INNER JOIN centroids AS c ON t.RootService = c.RootService AND t.RootOperation = c.RootOperation AND t.Environment = c.Environment
        GROUP BY RootService, RootOperation, Environment
    )
SELECT
    {version:DateTime},
    'operation',
    o.RootService,
    o.RootOperation,
    o.Environment,
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
    e.Known.1,
    e.Known.2,
    t.Known.1,
    t.Known.2,
    {code_version:String}
FROM operations AS o
LEFT JOIN shapes AS s ON o.RootService = s.RootService AND o.RootOperation = s.RootOperation AND o.Environment = s.Environment
LEFT JOIN errors AS e ON o.RootService = e.RootService AND o.RootOperation = e.RootOperation AND o.Environment = e.Environment
LEFT JOIN templates AS t ON o.RootService = t.RootService AND o.RootOperation = t.RootOperation AND o.Environment = t.Environment
LEFT JOIN centroids AS c ON o.RootService = c.RootService AND o.RootOperation = c.RootOperation AND o.Environment = c.Environment
LEFT JOIN radii AS r ON o.RootService = r.RootService AND o.RootOperation = r.RootOperation AND o.Environment = r.Environment
