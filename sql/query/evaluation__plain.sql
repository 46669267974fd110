-- Grain: a trace. Key: TraceId. Called by evaluation.plain_detect: the plain methods to beat. One centroid: a trace is a vector of 64 counts, to which each of
-- its calls (a line of its shape) adds at a hashed place; the distance is the cosine distance to the mean of the learning windows.
WITH
    arrayExists((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Learned,
    vectors AS
    (
        SELECT
            TraceId, Timestamp, RootService, RootOperation, Duration, ErrorCount, Learned AS IsLearned,
            arrayMap(i -> toFloat32(countEqual(arrayMap(line -> cityHash64(line) % 64, splitByChar('\n', Shape)), i)), range(64)) AS Vector
        FROM trace_summaries
    ),
    (SELECT avgForEach(Vector) FROM vectors WHERE IsLearned) AS Centroid
SELECT
    v.TraceId AS TraceId,
    v.IsLearned AS IsLearned,
    toFloat64(v.Duration) AS Duration,
    if(o.Deviation = 0, 0, (v.Duration - o.Mean) / o.Deviation) AS DurationZ,
    toFloat64(v.ErrorCount > 0) AS Error,
    cosineDistance(v.Vector, Centroid) AS Distance
FROM vectors AS v
LEFT JOIN
(
    SELECT RootService, RootOperation, avg(Duration) AS Mean, stddevPop(Duration) AS Deviation
    FROM vectors
    WHERE IsLearned
    GROUP BY RootService, RootOperation
) AS o ON v.RootService = o.RootService AND v.RootOperation = o.RootOperation
