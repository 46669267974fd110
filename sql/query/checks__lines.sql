-- Grain: one row. Called by the check of log_templates: lines of the hour that had arrived when the run began (alone: when the hour was last processed), that
-- have a template (those delivered again, too), that are there now.
SELECT
    (
        SELECT sum(Arrived)
        FROM
        (
            SELECT argMax(Rows, BeganAt) AS Arrived FROM lineage_runs
            WHERE RunId = {run:String} AND Hour = {hour:DateTime} AND Source = 'logs' AND Minute >= Hour AND Minute < Hour + INTERVAL 1 HOUR
            GROUP BY Minute
            UNION ALL
            SELECT Rows AS Arrived FROM lineage_state FINAL
            WHERE Hour = {hour:DateTime} AND Source = 'logs' AND Minute >= Hour AND Minute < Hour + INTERVAL 1 HOUR
                AND (SELECT count() FROM lineage_runs WHERE RunId = {run:String}) = 0
        )
    ) AS Began,
    (SELECT sum(Count) FROM log_template_counts WHERE Hour = {hour:DateTime})
        + (SELECT sum(Repeated) FROM log_template_minutes WHERE Hour = {hour:DateTime}) AS Templated,
    (SELECT count() FROM otel_logs WHERE Timestamp >= {hour:DateTime} AND Timestamp < {hour:DateTime} + INTERVAL 1 HOUR) AS Present
