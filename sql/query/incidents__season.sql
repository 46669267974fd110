-- Grain: one row. Called by detection.season: anomalous traces of some root operations in a window and their highest score; and both in the same window of
-- each day before it, a quarter of an hour earlier and later included, that had traffic of theirs in it: those that point at the service that most of
-- today's point at.
WITH
    (
        SELECT topK(1)(Suspect)[1]
        FROM anomaly_scores
        WHERE Hour IN {hours:Array(DateTime)} AND Timestamp >= {start:DateTime} AND Timestamp < {end:DateTime} AND Verdict = 'anomalous'
            AND (RootService, RootOperation) IN {operations:Array(Tuple(String, String))}
    ) AS Accused,
    shares AS
    (
        SELECT
            intDiv(dateDiff('second', toDateTime(Timestamp), {end:DateTime}) + 900, 86400) AS Day,
            Day > 0 OR (Timestamp >= {start:DateTime} AND Timestamp < {end:DateTime}) AS Counts,
            countIf(Verdict = 'anomalous' AND Counts AND (Day = 0 OR Suspect = Accused)) AS Anomalous,
            maxIf(Score, Verdict = 'anomalous' AND Counts AND (Day = 0 OR Suspect = Accused)) AS Peak
        FROM anomaly_scores
        WHERE Hour IN {hours:Array(DateTime)}
            AND Verdict IN ('normal', 'anomalous')
            AND (RootService, RootOperation) IN {operations:Array(Tuple(String, String))}
            AND arrayExists(
                day -> Timestamp >= {start:DateTime} - INTERVAL 15 MINUTE - toIntervalDay(day) AND Timestamp < {end:DateTime} + INTERVAL 15 MINUTE - toIntervalDay(day),
                range({days:UInt8} + 1)
            )
        GROUP BY Day, Counts
        HAVING Counts
    )
SELECT
    sumIf(shares.Anomalous, Day = 0) AS Today,
    maxIf(Peak, Day = 0) AS Score,
    groupArrayIf((shares.Anomalous, Peak), Day > 0) AS Before
FROM shares
