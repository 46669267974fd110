-- Grain: a trace. Key: TraceId. Called by detection.anomaly_scores, into a staging table of the form of anomaly_scores.
-- Each statistic becomes a surprise by the calibration of its baseline version; the largest one, calibrated again, is the score.
INSERT INTO {stage:Identifier}
    (Hour, Timestamp, TraceId, RootService, RootOperation, RootKind, Environment, Score, Verdict, Threshold, Conduct, Structure, Latency, Errors, Templates, Duration, Suspect,
    `Reasons.Kind`, `Reasons.Service`, `Reasons.Operation`, `Reasons.What`, `Reasons.Observed`, `Reasons.Expected`, `Reasons.Surprise`,
    BaselineVersion, EmbeddingModel, CodeVersion)
WITH
    calibrations AS
    (
        SELECT BaselineVersion, Calibration.Values AS Values, Calibration.Surprise[1] AS Levels
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
                (statistic, signal) -> otel_pipeline_surprise_v1(statistic, c.Values[signal], c.Levels),
                [s.Structure, s.Latency, s.Errors, s.Templates, s.Conduct], range(1, 6)
            ) AS Each,
            greatest(Each[5], Each[2], Each[3], if(s.Silent, Each[1], 0)) AS Largest,
            if(
                Largest > c.Values[6][-1], c.Levels[-1] + Largest - c.Values[6][-1], otel_pipeline_surprise_v1(Largest, c.Values[6], c.Levels)
            ) AS Score
        FROM {stats:Identifier} AS s
        LEFT JOIN calibrations AS c ON s.Version = c.BaselineVersion
    )
SELECT
    t.Hour,
    t.Timestamp,
    t.TraceId,
    t.RootService,
    t.RootOperation,
    t.RootKind,
    t.Environment,
    if(t.Complete, round(s.Score, 4), 0) AS Score,
    multiIf(NOT t.Complete, 'partial', s.N = 0, 'no_baseline', Score >= {threshold:Float64}, 'anomalous', 'normal') AS Verdict,
    {threshold:Float64},
    round(s.Each[5], 4),
    round(s.Each[1], 4),
    round(s.Each[2], 4),
    round(s.Each[3], 4),
    round(s.Each[4], 4),
    t.Duration,
    if(
        Verdict = 'anomalous',
        arrayFirst(r -> r.7 >= 0.5 * s.Largest, arrayConcat(
            arrayFilter(r -> r.1 = 'error' AND startsWith(r.4, 'error begins'), Reasons),
            arrayFilter(r -> r.1 IN ('latency', 'network', 'template'), Reasons),
            arrayFilter(r -> r.1 NOT IN ('structure', 'duration'), Reasons),
            Reasons
        )).2,
        ''
    ) AS Suspect,
    (if(
        Verdict = 'anomalous',
        arrayFilter(r -> r.7 >= 1, arrayConcat(s.Found, [(
            'structure', t.RootService, t.RootOperation, if(s.ShapeCount = 0, 'unseen shape of the trace', 'rare shape of the trace'),
            1., s.ShapeCount / s.N, round(s.Each[1], 4)
        )])),
        []
    ) AS Reasons).1,
    Reasons.2,
    Reasons.3,
    Reasons.4,
    Reasons.5,
    Reasons.6,
    Reasons.7,
    s.Version,
    s.EmbeddingModel,
    {code_version:String}
FROM {traces:Identifier} AS t
INNER JOIN
(
    SELECT
        *,
        arrayReverseSort(r -> r.7, arrayMap(
            e -> (e.1, e.2, e.3, e.4, e.5, e.6, round(otel_pipeline_surprise_v1(
                e.7, Values[transform(e.1, ['error', 'template', 'conduct'], [3, 4, 5], 2)], Levels
            ), 4)),
            if(round(Score, 4) >= {threshold:Float64}, arrayConcat(Slow, Failed, Logged, Acted), [])
        )) AS Found
    FROM surprises
) AS s ON t.TraceId = s.TraceId
