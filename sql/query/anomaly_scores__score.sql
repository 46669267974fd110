-- Grain: a trace. Key: TraceId. Called by detection.anomaly_scores, into a staging table of the form of anomaly_scores.
-- Each statistic becomes a surprise by the calibration of its baseline version; those of latency, excess, calls and conduct together, calibrated again, are
-- the score.
INSERT INTO {stage:Identifier}
    (Hour, Timestamp, TraceId, RootService, RootOperation, RootKind, Environment, Score, Verdict, Threshold, Conduct, Calls, Structure, Latency, Excess, Errors,
    Templates, Duration, Suspect,
    `Reasons.Kind`, `Reasons.Service`, `Reasons.Operation`, `Reasons.What`, `Reasons.Observed`, `Reasons.Expected`, `Reasons.Surprise`,
    BaselineVersion, EmbeddingModel, CodeVersion)
WITH
    calibrations AS
    (
        SELECT BaselineVersion, Calibration.Values AS Values, Calibration.Surprise AS Levels
        FROM {model:Identifier}
        WHERE Holds = 'calibration'
    ),
    surprises AS
    (
        SELECT
            s.*,
            c.Values AS Values,
            c.Levels AS Levels,
            arrayMap(
                (statistic, signal) -> otel_pipeline_surprise_v1(statistic, c.Values[signal], c.Levels[signal]),
                [s.Structure, s.Latency, s.Errors, s.Templates, s.Conduct, s.Calls, s.Excess], range(1, 8)
            ) AS Each,
            greatest(Each[2], Each[5], Each[6], Each[7]) AS Largest,
            otel_pipeline_surprise_v1(otel_pipeline_together_v1(Each[2], Each[5], Each[6], Each[7]), c.Values[8], c.Levels[8]) AS Score
        FROM {stats:Identifier} AS s
        LEFT JOIN calibrations AS c ON s.Version = c.BaselineVersion
    ),
    judged AS
    (
        SELECT
            t.*, s.*,
            if(t.Complete, round(s.Score, 4), 0) AS Judged,
            multiIf(NOT t.Complete, 'partial', s.N = 0, 'no_baseline', Judged >= {threshold:Float64}, 'anomalous', 'normal') AS Verdict
        FROM {traces:Identifier} AS t
        INNER JOIN surprises AS s ON t.TraceId = s.TraceId
    ),
    differing AS -- what the services called that they do not usually call, or the other way round
    (
        SELECT
            *,
            arraySlice(arrayReverseSort(e -> (e.7, e), arrayFlatten(arrayMap(
                v -> arrayMap(
                    d -> ('calls', v.2, v.3, d.1, d.2, d.3, v.1, 6),
                    otel_pipeline_differences_v1(
                        arrayMap(c -> (c.1, c.2 / Visits.Times[indexOf(Services, v.2)]), Visits.Children[indexOf(Services, v.2)]),
                        v.4
                    )
                ),
                if(Verdict = 'anomalous', Did, [])
            ))), 1, 4) AS Differing
        FROM judged
    ),
    explained AS
    (
        SELECT
            *,
            if(
                Verdict = 'anomalous',
                arrayFilter(r -> r.7 >= 1, arrayConcat(
                    arrayReverseSort(r -> r.7, arrayMap(
                        e -> (e.1, e.2, e.3, e.4, e.5, e.6, round(otel_pipeline_surprise_v1(e.7, Values[e.8], Levels[e.8]), 4)),
                        if(Verdict = 'anomalous', arrayConcat(Slow, Failed, Logged, Acted, Differing), [])
                    )),
                    [(
                        'structure', RootService, RootOperation, if(ShapeCount = 0, 'unseen shape of the trace', 'rare shape of the trace'),
                        1., ShapeCount / N, round(Each[1], 4)
                    )]
                )),
                []
            ) AS Reasons
        FROM differing
    )
SELECT
    Hour,
    Timestamp,
    TraceId,
    RootService,
    RootOperation,
    RootKind,
    Environment,
    Judged,
    Verdict,
    {threshold:Float64},
    round(Each[5], 4),
    round(Each[6], 4),
    round(Each[1], 4),
    round(Each[2], 4),
    round(Each[7], 4),
    round(Each[3], 4),
    round(Each[4], 4),
    Duration,
    if(
        Verdict = 'anomalous',
        arrayFirst(r -> r.7 >= 0.5 * Largest, arrayConcat(
            arrayFilter(r -> r.1 = 'error' AND startsWith(r.4, 'error begins'), Reasons),
            arrayFilter(r -> r.1 IN ('latency', 'network', 'template'), Reasons),
            arrayFilter(r -> r.1 NOT IN ('structure', 'duration'), Reasons),
            Reasons
        )).2,
        ''
    ),
    Reasons.1,
    Reasons.2,
    Reasons.3,
    Reasons.4,
    Reasons.5,
    Reasons.6,
    Reasons.7,
    Version,
    EmbeddingModel,
    {code_version:String}
FROM explained
