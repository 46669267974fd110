-- Grain: one row, of all root operations together. Called by detection.normal_centroid, into the staging table of the version.
-- Survival of each statistic over the normal traces, each judged without itself: value at surprise s is the quantile 1 - 10^-s. 'all' is the
-- survival of the largest surprise, so that the final score is a false-alarm rate in spite of several signals being looked at.
INSERT INTO {stage:Identifier}
    (BaselineVersion, Holds, WindowStart, WindowEnd, Traces, Excluded, `Calibration.Signal`, `Calibration.Values`,
    `Calibration.Surprise`, CodeVersion)
WITH
    (SELECT toFloat64(count()) FROM {stats:Identifier}) AS Total,
    arrayPushBack(arrayFilter(s -> s < log10(Total + 1), arrayMap(i -> i / 10, range(0, 80))), log10(Total + 1)) AS Levels,
    arrayMap(s -> toUInt64(greatest(1, least(Total, ceil(Total * (1 - pow(10, -s)))))), Levels) AS Ranks,
    (
        SELECT arrayMap(sorted -> arrayMap(r -> sorted[r], Ranks), [
            arraySort(groupArray(Structure)), arraySort(groupArray(Latency)), arraySort(groupArray(Errors)), arraySort(groupArray(Templates)),
            arraySort(groupArray(Conduct))
        ])
        FROM {stats:Identifier}
    ) AS Signals,
    (
        SELECT arrayMap(r -> arrayElement(arraySort(groupArray(greatest(
            otel_pipeline_surprise_v1(Conduct, Signals[5], Levels),
            otel_pipeline_surprise_v1(Latency, Signals[2], Levels),
            otel_pipeline_surprise_v1(Errors, Signals[3], Levels),
            if(Silent, otel_pipeline_surprise_v1(Structure, Signals[1], Levels), 0)
        ))), r), Ranks)
        FROM {stats:Identifier}
    ) AS Together
SELECT
    {version:DateTime},
    'calibration',
    {window_start:DateTime},
    {version:DateTime},
    toUInt64(Total),
    {excluded:UInt64},
    ['structure', 'latency', 'error', 'template', 'conduct', 'all'],
    arrayPushBack(Signals, Together),
    [Levels, Levels, Levels, Levels, Levels, Levels],
    {code_version:String}
WHERE Total > 0
