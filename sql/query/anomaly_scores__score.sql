-- Grain: a trace. Key: TraceId. Called by detection.anomaly_scores, into a staging table of the form of anomaly_scores.
-- Each statistic becomes a surprise by the calibration of its baseline version; the largest one, calibrated again, is the score.
INSERT INTO {stage:Identifier}
    (Hour, Timestamp, TraceId, RootService, RootOperation, RootKind, Score, Verdict, Threshold, Conduct, Structure, Latency, Errors, Templates, Duration, Suspect,
    `Reasons.Kind`, `Reasons.Service`, `Reasons.Operation`, `Reasons.What`, `Reasons.Observed`, `Reasons.Expected`, `Reasons.Surprise`,
    BaselineVersion, EmbeddingModel, CodeVersion)
WITH
    calibrations AS
    (
        SELECT BaselineVersion, Calibration.Values AS Values, Calibration.Surprise[1] AS Levels
        FROM {model:Identifier}
        WHERE RootService = ''
    ),
    surprises AS
    (
        SELECT
            s.*,
            c.Values AS Values,
            c.Levels AS Levels,
            otel_pipeline_surprise_v1(s.Structure, c.Values[1], c.Levels) AS OfStructure,
            otel_pipeline_surprise_v1(s.Latency, c.Values[2], c.Levels) AS OfLatency,
            otel_pipeline_surprise_v1(s.Errors, c.Values[3], c.Levels) AS OfErrors,
            otel_pipeline_surprise_v1(s.Templates, c.Values[4], c.Levels) AS OfTemplates,
            otel_pipeline_surprise_v1(s.Conduct, c.Values[5], c.Levels) AS OfConduct,
            greatest(OfConduct, OfLatency, OfErrors, if(s.Silent, OfStructure, 0)) AS Largest,
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
    if(t.Complete, round(s.Score, 4), 0) AS Score,
    multiIf(NOT t.Complete, 'partial', s.N = 0, 'no_baseline', Score >= {threshold:Float64}, 'anomalous', 'normal') AS Verdict,
    {threshold:Float64},
    round(s.OfConduct, 4),
    round(s.OfStructure, 4),
    round(s.OfLatency, 4),
    round(s.OfErrors, 4),
    round(s.OfTemplates, 4),
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
            1., s.ShapeCount / s.N, round(s.OfStructure, 4)
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
        arrayReverseSort(r -> r.7, arrayConcat(
            arrayMap(e -> (e.1, e.2, e.3, e.4, e.5, e.6, round(otel_pipeline_surprise_v1(e.7, Values[2], Levels), 4)), Slow),
            arrayMap(e -> (e.1, e.2, e.3, e.4, e.5, e.6, round(otel_pipeline_surprise_v1(e.7, Values[3], Levels), 4)), Failed),
            arrayMap(e -> (e.1, e.2, e.3, e.4, e.5, e.6, round(otel_pipeline_surprise_v1(e.7, Values[4], Levels), 4)), Logged),
            arrayMap(e -> (e.1, e.2, e.3, e.4, e.5, e.6, round(otel_pipeline_surprise_v1(e.7, Values[5], Levels), 4)), Acted)
        )) AS Found
    FROM surprises
) AS s ON t.TraceId = s.TraceId
