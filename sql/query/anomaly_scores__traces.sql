-- Grain: a trace to judge, or one of the minute before such a one, in whose light it is judged. Key: TraceId. Called by detection.anomaly_scores, into a
-- staging table. Judge: the baseline must be no newer than this; the start of the trace, or a version that the caller insists on. Due: whether to judge it.
-- Since, From, Judges: see anomaly_scores__since; whole: all traces. What changes touches the minute after it as well.
-- Between Start and Stop: the part of the hour that is judged in one go.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH
    changed AS
    (
        SELECT TraceId, toInt64(toUnixTimestamp(toDateTime(Timestamp))) AS Second
        FROM trace_summaries
        WHERE NOT {whole:Bool} AND Hour = {hour:DateTime}
            AND (
                WrittenAt >= {since:DateTime64(3)}
                OR Timestamp >= {from:DateTime}
                OR TraceId IN (SELECT TraceId FROM anomaly_scores WHERE Hour = {hour:DateTime} AND BaselineVersion NOT IN {judges:Array(DateTime)})
            )
    ),
    near AS -- seconds not more than a minute beside a change
    (
        SELECT Changed + Distance AS Second, max(Distance > 0) AS After
        FROM
        (
            SELECT Second AS Changed FROM changed
            UNION DISTINCT
            SELECT toInt64(toUnixTimestamp(toDateTime(Timestamp))) AS Changed -- where it was before
            FROM anomaly_scores
            WHERE Hour = {hour:DateTime} AND TraceId IN (SELECT TraceId FROM changed)
        )
        ARRAY JOIN range(-60, 61) AS Distance
        GROUP BY Second
    )
SELECT
    t.*,
    if({version:DateTime} > toDateTime(0), {version:DateTime}, toDateTime(Timestamp)) AS Judge,
    Timestamp >= {start:DateTime64(9)} AND ({whole:Bool} OR n.After OR TraceId IN (SELECT TraceId FROM changed)) AS Due
FROM
(
    SELECT * EXCEPT (span_sequence, Shape, Versions), Visits, toInt64(toUnixTimestamp(toDateTime(Timestamp))) AS Second
    FROM trace_summaries
    WHERE Hour = {hour:DateTime} AND Timestamp >= {start:DateTime64(9)} - INTERVAL 61 SECOND AND Timestamp < {stop:DateTime64(9)}
) AS t
LEFT JOIN near AS n ON t.Second = n.Second
WHERE {whole:Bool} OR n.Second != 0
