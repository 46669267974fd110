-- Grain: one row, of all root operations together. Called by detection.normal_centroid, into the staging table of the version.
-- Survival of each statistic over the normal traces, each judged without itself. 'all' is the survival of the surprises put together, so that the final score
-- is a false-alarm rate in spite of several signals being looked at; its tail is taken a standard error wider than it looks.
INSERT INTO {stage:Identifier}
    (BaselineVersion, Holds, WindowStart, WindowEnd, Traces, Excluded, `Calibration.Signal`, `Calibration.Values`, `Calibration.Surprise`, CodeVersion)
WITH
    (SELECT count() FROM {stats:Identifier}) AS Total,
    (
        SELECT arrayMap(sorted -> otel_pipeline_calibration_v1(sorted, 0), [
            arraySort(groupArray(Structure)), arraySort(groupArray(Latency)), arraySort(groupArray(Errors)), arraySort(groupArray(Templates)),
            arraySort(groupArray(Conduct)), arraySort(groupArray(Calls)), arraySort(groupArray(Excess))
        ])
        FROM {stats:Identifier}
    ) AS Signals,
    (
        SELECT arrayMap(sorted -> otel_pipeline_calibration_v1(sorted, 1), [arraySort(groupArray(otel_pipeline_together_v1(
            otel_pipeline_surprise_v1(Latency, Signals[2].1, Signals[2].2),
            otel_pipeline_surprise_v1(Conduct, Signals[5].1, Signals[5].2),
            otel_pipeline_surprise_v1(Calls, Signals[6].1, Signals[6].2),
            otel_pipeline_surprise_v1(Excess, Signals[7].1, Signals[7].2)
        )))])
        FROM {stats:Identifier}
    ) AS Together
SELECT
    {version:DateTime},
    'calibration',
    {window_start:DateTime},
    {version:DateTime},
    Total,
    {excluded:UInt64},
    ['structure', 'latency', 'error', 'template', 'conduct', 'calls', 'excess', 'all'],
    arrayMap(c -> c.1, arrayConcat(Signals, Together)),
    arrayMap(c -> c.2, arrayConcat(Signals, Together)),
    {code_version:String}
WHERE Total > 0
