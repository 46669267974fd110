-- Grain: a trace to learn from. Key: TraceId. Called by detection.normal_centroid, into a staging table: complete traces of the windows, without
-- those of times of trouble (table Excluded), thinned evenly by id where there are very many.
-- Unlike: traces of what was out of the ordinary for a time. An operation that has been mostly in trouble for a window of an hour or longer has changed for good: its traces are kept.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH
    candidates AS
    (
        SELECT * EXCEPT (span_sequence, Shape, Versions), Visits, toInt64(toUnixTimestamp(toDateTime(Timestamp))) AS Second
        FROM trace_summaries
        WHERE Complete
            AND Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))}))
            AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
            AND arrayExists((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
            AND cityHash64(TraceId) % {thin:UInt32} = 0
    ),
    changed AS
    (
        SELECT RootService, RootOperation, Environment
        FROM candidates
        GROUP BY RootService, RootOperation, Environment
        HAVING countIf(TraceId IN (SELECT TraceId FROM {excluded:Identifier})) > count() / 2
            AND max(Timestamp) - min(Timestamp) > 3600
    )
SELECT *, toDateTime({version:DateTime}) AS Judge, true AS Due
FROM candidates
WHERE TraceId NOT IN (SELECT TraceId FROM {unlike:Identifier})
    AND (
        TraceId NOT IN (SELECT TraceId FROM {excluded:Identifier})
        OR (RootService, RootOperation, Environment) IN (SELECT RootService, RootOperation, Environment FROM changed)
    )
