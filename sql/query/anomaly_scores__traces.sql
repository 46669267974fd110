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
    touched AS
    (
        SELECT DISTINCT arrayJoin(range(Second + 1, Second + 61)) AS Second
        FROM
        (
            SELECT Second FROM changed
            UNION DISTINCT
            SELECT toInt64(toUnixTimestamp(toDateTime(Timestamp))) AS Second -- where it was before
            FROM anomaly_scores
            WHERE Hour = {hour:DateTime} AND TraceId IN (SELECT TraceId FROM changed)
        )
    )
SELECT
    *,
    if({version:DateTime} > toDateTime(0), {version:DateTime}, toDateTime(Timestamp)) AS Judge,
    Timestamp >= {start:DateTime64(9)}
        AND ({whole:Bool} OR TraceId IN (SELECT TraceId FROM changed) OR toInt64(toUnixTimestamp(toDateTime(Timestamp))) IN (SELECT Second FROM touched)) AS Due
FROM trace_summaries
WHERE Hour = {hour:DateTime} AND Timestamp >= {start:DateTime64(9)} - INTERVAL 61 SECOND AND Timestamp < {stop:DateTime64(9)}
    AND (
        Due
        OR {whole:Bool}
        OR toInt64(toUnixTimestamp(toDateTime(Timestamp))) IN (SELECT DISTINCT arrayJoin(range(Second - 60, Second)) FROM (SELECT Second FROM touched UNION DISTINCT SELECT Second FROM changed))
    )
