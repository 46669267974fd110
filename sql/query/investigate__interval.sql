-- Grain: one row. Called by investigate.metrics: points of metrics, and the seconds between two points of a series, as most series have it; 0 where there are none.
SELECT sum(Points) AS AllPoints, if(countIf(Points > 1) = 0, 0, quantileExactIf(0.5)(Length / (Points - 1), Points > 1)) AS Seconds
FROM
(
    SELECT uniqExact(TimeUnix) AS Points, date_diff('millisecond', min(TimeUnix), max(TimeUnix)) / 1000 AS Length
    FROM
    (
        SELECT ServiceName, MetricName, Attributes, ResourceAttributes, TimeUnix FROM otel_metrics_gauge
        WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
        UNION ALL
        SELECT ServiceName, MetricName, Attributes, ResourceAttributes, TimeUnix FROM otel_metrics_sum
        WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
    )
    GROUP BY cityHash64(ServiceName, MetricName, Attributes, ResourceAttributes)
)
