-- Grain: series of a metric × instance. Key: (Service, Metric, Attributes, Instance). Called by detection.signals.saturation: one value a minute, as (minute,
-- value), of metrics whose name tells of limits, queues, failures, restarts or being up; the minute in minutes since 1970. Levels: the median of the
-- minute; counters: what they counted in the minute, with resets; a delta needs no start. A point with the flag "no recorded value" (1) is no value.
WITH
    points AS
    (
        SELECT ServiceName, ResourceAttributes, MetricName, MetricUnit, Attributes, TimeUnix, Value, 'level' AS Kind, 0 AS Temporality
        FROM otel_metrics_gauge
        WHERE TimeUnix >= {start:DateTime} AND TimeUnix < {end:DateTime} AND bitAnd(Flags, 1) = 0 AND match(MetricName, {names:String})
            AND ServiceName IN {services:Array(String)}
        UNION ALL
        SELECT ServiceName, ResourceAttributes, MetricName, MetricUnit, Attributes, TimeUnix, Value, if(IsMonotonic, 'counter', 'level'), AggregationTemporality
        FROM otel_metrics_sum
        WHERE TimeUnix >= {start:DateTime} AND TimeUnix < {end:DateTime} AND bitAnd(Flags, 1) = 0 AND match(MetricName, {names:String})
            AND ServiceName IN {services:Array(String)} AND (IsMonotonic OR AggregationTemporality != 1)
    )
SELECT Service, Metric, Unit, Attributes, Instance, Kind, arraySort(groupArray((M, Number))) AS Course
FROM
(
    SELECT
        ServiceName AS Service, MetricName AS Metric, any(MetricUnit) AS Unit, Attributes, Instance, Kind,
        toInt64(intDiv(toUnixTimestamp(toDateTime(TimeUnix)), 60)) AS M,
        if(Kind = 'level', quantileExact(0.5)(Value), sum(Rose)) AS Number
    FROM
    (
        SELECT
            *, otel_pipeline_instance_v1(ResourceAttributes) AS Instance,
            row_number() OVER series AS Position,
            lagInFrame(Value) OVER series AS Previous,
            multiIf(Temporality = 1, Value, Position = 1, 0, Value < Previous, Value, Value - Previous) AS Rose
        FROM points
        WINDOW series AS (
            PARTITION BY cityHash64(ServiceName, MetricName, Attributes, otel_pipeline_instance_v1(ResourceAttributes))
            ORDER BY TimeUnix ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
    WHERE isFinite(Value)
    GROUP BY Service, Metric, Attributes, Instance, Kind, M
)
GROUP BY Service, Metric, Unit, Attributes, Instance, Kind
ORDER BY Service, Metric, Attributes, Instance
LIMIT 5000
