-- Grain: one row. Called by detection.season: odd traces of some root operations in a window and their highest score; and both in the same window of
-- days before it, a quarter of an hour earlier and later included, that had traffic of theirs in it: those that point at the service that most of
-- today's point at. Odd: anomalous; or, of a shift, with a surprise from {unusual} on, whichever service they point at.
WITH
    (
        SELECT topK(1)(Suspect)[1]
        FROM anomaly_scores
        WHERE Hour IN {hours:Array(DateTime)} AND Timestamp >= {start:DateTime} AND Timestamp < {end:DateTime} AND Verdict = 'anomalous'
            AND (RootService, RootOperation) IN {operations:Array(Tuple(String, String))}
    ) AS Accused,
    shares AS
    (
        SELECT Day, countIf(Odd) AS Odds, maxIf(Score, Odd) AS Peak
        FROM
        (
            SELECT
                Score,
                intDiv(dateDiff('second', toDateTime(Timestamp), {end:DateTime}) + 900, 86400) AS Day,
                greatest(Conduct, Errors, Latency) >= {unusual:Float64} OR Verdict = 'anomalous' AND (Day = 0 OR Suspect = Accused) AS Odd
            FROM anomaly_scores
            WHERE Hour IN {hours:Array(DateTime)}
                AND Verdict IN ('normal', 'anomalous')
                AND (RootService, RootOperation) IN {operations:Array(Tuple(String, String))}
                AND arrayExists(
                    day -> Timestamp >= {start:DateTime} - INTERVAL 15 MINUTE - toIntervalDay(day)
                        AND Timestamp < {end:DateTime} + INTERVAL 15 MINUTE - toIntervalDay(day),
                    arrayConcat([0], {days:Array(UInt16)})
                )
                AND (Day > 0 OR (Timestamp >= {start:DateTime} AND Timestamp < {end:DateTime}))
        )
        GROUP BY Day
    )
SELECT
    sumIf(Odds, Day = 0) AS Today,
    maxIf(Peak, Day = 0) AS Score,
    groupArrayIf((toUInt16(Day), Odds, Peak), Day > 0) AS Before
FROM shares
