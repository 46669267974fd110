-- Grain: one row. Called by detection.normal_centroid: since when there has been enough to learn of each root operation that is new, in the days that baselines
-- look back over: its twentieth trace, where it was not there for a day and had so many within six hours; and since when each root service has
-- been seen that has so many in all: a name that was made up for one trace starts no baseline.
-- Newest: the newest trace of all; a window within an hour is learned from only when traffic has gone on beyond its end. 1970 where there is none.
WITH operations AS
(
    SELECT
        RootService,
        toDateTime(min(Timestamp), 'UTC') AS First,
        count() AS Traces,
        toDateTime(groupArraySorted(20)(Timestamp)[20], 'UTC') AS Ready,
        count() >= {least:UInt32} AND First >= {since:DateTime} + INTERVAL 1 DAY AND Ready < First + INTERVAL 6 HOUR AS New
    FROM trace_summaries
    WHERE Hour >= toStartOfHour({since:DateTime}) AND Hour <= {hour:DateTime}
    GROUP BY RootService, RootOperation, Environment
)
SELECT
    arraySort(arrayConcat((SELECT groupArray(First) FROM (SELECT min(First) AS First FROM operations GROUP BY RootService HAVING sum(Traces) >= {least:UInt32})), groupArrayIf(Ready, New))) AS FirstTraffic,
    min(First) AS Oldest,
    (SELECT toDateTime(max(Timestamp), 'UTC') FROM trace_summaries WHERE Hour = (SELECT max(Hour) FROM trace_summaries)) AS Newest
FROM operations
