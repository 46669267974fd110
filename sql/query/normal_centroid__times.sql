-- Grain: root operation × timed thing. Key: the same. Called by detection.normal_centroid, into a staging table of the form of normal_times.
-- Slope: from the second largest value to that a tenth of the way down; shrunk to the median over all that are well known, as if it rested on 20 values more.
INSERT INTO {stage:Identifier}
WITH
    items AS
    (
        SELECT RootService, RootOperation, Environment, Kind, Service, Operation, Ns, Calls
        FROM {traces:Identifier}
        ARRAY JOIN
            arrayPushBack(arrayWithConstant(length(Self.Service), 'self'), 'whole') AS Kind,
            arrayPushBack(Self.Service, RootService) AS Service,
            arrayPushBack(Self.Operation, '') AS Operation,
            arrayPushBack(Self.Ns, Duration) AS Ns,
            arrayPushBack(Self.Calls, toUInt32(1)) AS Calls
        UNION ALL
        SELECT RootService, RootOperation, Environment, 'network' AS Kind, Callee AS Service, Caller AS Operation, sum(Gap) AS Ns, sum(N) AS Calls
        FROM {traces:Identifier}
        ARRAY JOIN Edge.Caller AS Caller, Edge.Callee AS Callee, Edge.GapNs AS Gap, Edge.Calls AS N
        GROUP BY TraceId, RootService, RootOperation, Environment, Caller, Callee
    ),
    times AS
    (
        SELECT
            RootService, RootOperation, Environment, Kind, Service, Operation,
            count() AS Traces,
            arrayReverseSort(groupArray(log(Ns / Calls + 200000))) AS Falling,
            quantilesExact(0.5, 0.75)(Ns) AS Middle,
            arrayFilter(r -> r < Traces, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288,
                16384, 24576, 32768, 49152, 65536, 98304, 131072, 196608, 262144, 393216]) AS Some,
            greatest(3, toUInt64(round(Traces * 0.1))) AS Tenth,
            greatest(3, toUInt64(round((Traces - 1) * 0.1))) AS TenthWithout,
            (Falling[2] - Falling[least(Traces, Tenth + 1)]) / log10((Tenth + 1) / 2) AS Steep,
            (Falling[3] - Falling[least(Traces, TenthWithout + 2)]) / log10((TenthWithout + 1) / 2) AS SteepWithout
        FROM items
        GROUP BY RootService, RootOperation, Environment, Kind, Service, Operation
        HAVING Traces >= 10
    )
SELECT
    {version:DateTime}, RootService, RootOperation, Environment, Kind, Service, Operation, Traces,
    Falling[-1],
    Falling[intDiv(Traces, 2) + 1],
    arrayMap(r -> Falling[r], arrayPushBack(Some, Traces)),
    arrayPushBack(Some, Traces),
    greatest({floor:Float64}, (Traces * Steep + 20 * greatest(Steep, Common)) / (Traces + 20)),
    greatest({floor:Float64}, ((Traces - 1) * SteepWithout + 20 * greatest(SteepWithout, Common)) / (Traces + 19)),
    Middle[1] + 2 * (toFloat64(Middle[2]) - Middle[1]) / 0.674
FROM (SELECT *, ifNull(quantileExactIfOrNull(0.5)(Steep, Traces >= 30 AND Kind != 'whole') OVER (), 0.3) AS Common FROM times)
