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
    -- in how many seconds something changed until each second, counted from a minute before the hour
    (
        SELECT arrayCumSum(arrayMap(second -> toUInt16(has(Seconds, second)), range(toUInt32(1), 3722)))
        FROM
        (
            SELECT groupUniqArray(toUInt32(Second - toUnixTimestamp({hour:DateTime}) + 61)) AS Seconds
            FROM
            (
                SELECT Second FROM changed
                UNION ALL
                SELECT toInt64(toUnixTimestamp(toDateTime(Timestamp))) AS Second -- where it was before
                FROM anomaly_scores
                WHERE Hour = {hour:DateTime} AND TraceId IN (SELECT TraceId FROM changed)
            )
        )
    ) AS Changes
SELECT
    * EXCEPT (Second),
    if({version:DateTime} > toDateTime(0), {version:DateTime}, toDateTime(Timestamp)) AS Judge,
    Timestamp >= {start:DateTime64(9)}
        AND ({whole:Bool} OR TraceId IN (SELECT TraceId FROM changed) OR Changes[Second - 1] > Changes[Second - 61]) AS Due
FROM (SELECT *, Visits, toUInt32(toUnixTimestamp(toDateTime(Timestamp)) - toUnixTimestamp({hour:DateTime}) + 61) AS Second FROM trace_summaries)
WHERE Hour = {hour:DateTime} AND Timestamp >= {start:DateTime64(9)} - INTERVAL 61 SECOND AND Timestamp < {stop:DateTime64(9)}
    AND (Due OR {whole:Bool} OR Changes[Second + 60] > Changes[Second - 60])
