-- Grain: one row. Called by the check of trace_summaries: traces with a root in the hour that have no summary; traces with two.
-- Looks only at minutes in which nothing has arrived since the run began (alone: since the hour was last processed), and leaves out traces with spans in the hour before (clocks may differ).
-- Whole: all such minutes; otherwise those alone that have changed since the hour was last processed.
WITH
    quiet AS
    (
        SELECT a.Minute AS Minute
        FROM (SELECT Minute, sum(Rows) AS Rows FROM raw_arrivals
            WHERE Source = 'traces' AND Minute >= {hour:DateTime} AND Minute < {hour:DateTime} + INTERVAL 1 HOUR GROUP BY Minute) AS a
        INNER JOIN
        (
            SELECT Minute, argMax(Rows, BeganAt) AS Rows FROM lineage_runs
            WHERE RunId = {run:String} AND Hour = {hour:DateTime} AND Source = 'traces' GROUP BY Minute
            UNION ALL
            SELECT Minute, Rows FROM lineage_state FINAL
            WHERE Hour = {hour:DateTime} AND Source = 'traces' AND (SELECT count() FROM lineage_runs WHERE RunId = {run:String}) = 0
        ) AS b
        ON a.Minute = b.Minute AND a.Rows = b.Rows
        WHERE {whole:Bool} OR (a.Minute, a.Rows) NOT IN
            (SELECT Minute, Rows FROM lineage_state FINAL WHERE Hour = {hour:DateTime} AND Source = 'traces')
    ),
    roots AS
    (
        SELECT DISTINCT TraceId
        FROM otel_traces
        WHERE ParentSpanId = '' AND TraceId != ''
            AND Timestamp >= {hour:DateTime} AND Timestamp < {hour:DateTime} + INTERVAL 1 HOUR
            AND toStartOfMinute(toDateTime(Timestamp)) IN (SELECT Minute FROM quiet)
            AND TraceId NOT IN (SELECT TraceId FROM otel_traces
                WHERE Timestamp >= {hour:DateTime} - INTERVAL 15 MINUTE AND Timestamp < {hour:DateTime})
    )
SELECT
    (SELECT count() FROM roots) AS Traces,
    (SELECT count() FROM roots WHERE TraceId NOT IN (SELECT TraceId FROM trace_summaries WHERE Hour = {hour:DateTime})) AS Missing,
    (SELECT count() - uniqExact(TraceId) FROM trace_summaries WHERE Hour = {hour:DateTime}) AS Twice
