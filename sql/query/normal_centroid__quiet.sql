-- Grain: a trace. Called by detection.normal_centroid, into a staging table: the statistics of the traces from which false alarms are counted, without the
-- stretches of time in which far too many are among the most unusual. Those hold trouble that was not known when the normal was learned; counted as normal,
-- they would hide others like it. Of 40 traces in a row, of all or of one root operation, 12 are beyond the upper tenth, 7 beyond the upper 3 % or 22 beyond
-- the upper quarter by chance in less than one stretch of two thousand. Where that is the half of all, there is no quiet to go by, and all are counted.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH
    odd AS
    (
        SELECT
            s.TraceId AS TraceId,
            t.Timestamp AS Timestamp,
            [cityHash64(t.RootService, t.RootOperation, t.Environment), 0] AS Rows,
            greatest(
                rank() OVER (ORDER BY s.Latency), rank() OVER (ORDER BY s.Conduct), rank() OVER (ORDER BY s.Calls), rank() OVER (ORDER BY s.Excess)
            ) AS Odd
        FROM {stats:Identifier} AS s
        INNER JOIN {traces:Identifier} AS t ON s.TraceId = t.TraceId
    ),
    ranked AS
    (
        SELECT *, (rank() OVER (ORDER BY Odd) - 0.5) / count() OVER () AS Rank FROM odd
    ),
    placed AS
    (
        SELECT TraceId, Rank, Row, intDiv(row_number() OVER (PARTITION BY Row ORDER BY Timestamp, TraceId) - 1, 40) AS Stretch
        FROM ranked
        ARRAY JOIN Rows AS Row
    ),
    unquiet AS
    (
        SELECT DISTINCT arrayJoin(Traces) AS TraceId
        FROM
        (
            SELECT groupArray(TraceId) AS Traces
            FROM placed
            GROUP BY Row, Stretch
            HAVING count() >= if(Row = 0, 20, 40)
                AND (countIf(Rank > 0.9) >= 0.3 * count() OR countIf(Rank > 0.97) >= 0.175 * count() OR countIf(Rank > 0.75) >= 0.55 * count())
        )
    )
SELECT *
FROM {stats:Identifier}
WHERE TraceId NOT IN (SELECT TraceId FROM unquiet)
    OR (SELECT count() FROM unquiet) > (SELECT count() / 2 FROM {stats:Identifier})
