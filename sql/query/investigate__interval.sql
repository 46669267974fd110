-- Grain: one row. Called by investigate.metrics: seconds between two points of a series, as most series have it; 0 where there are none.
SELECT if(count() = 0, 0, quantileExact(0.5)(Gap)) AS Seconds
FROM
(
    SELECT date_diff('millisecond', lagInFrame(TimeUnix) OVER series, TimeUnix) / 1000 AS Gap, row_number() OVER series AS Position
    FROM
    (
        SELECT ServiceName, MetricName, Attributes, ResourceAttributes, TimeUnix FROM otel_metrics_gauge
        WHERE TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
        UNION ALL
        SELECT ServiceName, MetricName, Attributes, ResourceAttributes, TimeUnix FROM otel_metrics_sum
        WHERE TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
    )
    WINDOW series AS (
        PARTITION BY ServiceName, MetricName, Attributes, ResourceAttributes ORDER BY TimeUnix ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
)
WHERE Position > 1 AND Gap > 0
