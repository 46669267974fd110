-- Grain: series of a metric × instance. Key: (Service, Metric, Attributes, Instance). Called by investigate.metrics: its values in the first window against
-- those of all instances in the other windows. Gauges and up-down counters as they are; counters as their rate a second, by instance and with resets;
-- summaries by their highest quantile. Only series that moved, and those that name a limit. A point with the flag "no recorded value" (1) is no value.
-- A delta counter tells what came since its start or since the point before, whichever is later: many senders give no start. Past: the values of the same
-- instance in the other windows, a few dozen of them.
WITH
    toDateTime64(arrayMin({starts:Array(DateTime64(3))}), 9) AS First,
    toDateTime64(arrayMax({ends:Array(DateTime64(3))}), 9) AS Last,
    points AS
    (
        SELECT ServiceName, ResourceAttributes, MetricName, MetricUnit, Attributes, TimeUnix, 'level' AS Kind, Value AS Number
        FROM otel_metrics_gauge
        WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= First AND TimeUnix < Last
            AND arrayExists((a, b) -> TimeUnix >= a AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
        UNION ALL
        SELECT ServiceName, ResourceAttributes, MetricName, MetricUnit, Attributes, TimeUnix, 'level' AS Kind, Value AS Number
        FROM otel_metrics_sum
        WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= First AND TimeUnix < Last AND NOT IsMonotonic
            AND arrayExists((a, b) -> TimeUnix >= a AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
        UNION ALL
        SELECT
            ServiceName, ResourceAttributes, MetricName, MetricUnit, Attributes, TimeUnix, 'tail' AS Kind,
            `ValueAtQuantiles.Value`[indexOf(`ValueAtQuantiles.Quantile`, arrayMax(`ValueAtQuantiles.Quantile`))] AS Number
        FROM otel_metrics_summary
        WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= First AND TimeUnix < Last AND notEmpty(`ValueAtQuantiles.Quantile`)
        UNION ALL
        SELECT
            ServiceName, ResourceAttributes, MetricName, MetricUnit, Attributes, TimeUnix, 'rate' AS Kind,
            multiIf(AggregationTemporality = 1 OR Position = 1 OR Value < Previous, Value, Value - Previous)
                / greatest(0.001, date_diff('millisecond', Since, TimeUnix) / 1000) AS Number
        FROM
        (
            SELECT
                ServiceName, ResourceAttributes, MetricName, MetricUnit, Attributes, TimeUnix, StartTimeUnix, AggregationTemporality, Value,
                row_number() OVER counter AS Position,
                lagInFrame(Value) OVER counter AS Previous,
                lagInFrame(TimeUnix) OVER counter AS PreviousTime,
                multiIf(Position = 1, StartTimeUnix, AggregationTemporality = 1, greatest(StartTimeUnix, PreviousTime), PreviousTime) AS Since
            FROM otel_metrics_sum
            WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= First - INTERVAL 60 SECOND AND TimeUnix < Last AND IsMonotonic
                AND arrayExists((a, b) -> TimeUnix >= a - INTERVAL 60 SECOND AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
            WINDOW counter AS (
                PARTITION BY cityHash64(ServiceName, MetricName, Attributes, otel_pipeline_instance_v1(ResourceAttributes))
                ORDER BY TimeUnix ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
        )
        -- What a counter held when it was first seen was counted at some time before; unless it began within sight.
        WHERE Since < TimeUnix AND toUnixTimestamp64Milli(Since) > 0
            AND (AggregationTemporality = 1 OR Position > 1 OR (StartTimeUnix >= First AND StartTimeUnix < TimeUnix - INTERVAL 1 SECOND))
    ),
    courses AS
    (
        SELECT
            ServiceName AS Service, MetricName AS Metric, Attributes, any(Kind) AS Kind, any(MetricUnit) AS Unit,
            groupArrayIf(20000)(Number, Window > 1) AS Usual,
            arraySort(groupArrayIf(20000)((TimeUnix, otel_pipeline_instance_v1(ResourceAttributes), Number), Window = 1)) AS Now,
            arraySort(groupArrayIf(20000)((TimeUnix, otel_pipeline_instance_v1(ResourceAttributes), Number), Window > 1)) AS Levels,
            arrayReduce('quantileExact(0.5)', Usual) AS Median,
            1.4826 * arrayReduce('quantileExact(0.5)', arrayMap(x -> abs(x - Median), Usual)) AS Deviation,
            -- A tenth of the usual is never news, nor is what it takes to leave zero by one in ten seconds.
            sqrt(pow(Deviation, 2) + pow(0.1 * Median, 2) + if(Kind = 'rate', 0.0001, 0)) AS Scale
        FROM (SELECT *, arrayFirstIndex((a, b) -> TimeUnix >= a AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window FROM points)
        WHERE Window > 0 AND isFinite(Number) AND ({service:String} = '' OR ServiceName = {service:String})
        GROUP BY Service, Metric, Attributes
        HAVING notEmpty(Now)
    )
SELECT
    Service, Metric, Attributes, Kind, Unit, Instance,
    arrayFilter(p -> p.2 = Instance, Now) AS Mine,
    if(Kind != 'level', [], arrayMap(
        mine -> arrayFilter((p, i) -> i % (intDiv(length(mine), 40) + 1) = 0, mine, arrayEnumerate(mine)),
        [arrayMap(p -> (p.1, p.3), arrayFilter(p -> p.2 = Instance, Levels))]
    )[1]) AS Past,
    length(Usual) AS UsualPoints,
    if(UsualPoints = 0, 0, Median) AS Before,
    if(UsualPoints = 0, 0, Scale) AS BeforeScale,
    if(UsualPoints = 0, 0, arrayMin(Usual)) AS Lowest,
    if(UsualPoints = 0, 0, arrayMax(Usual)) AS Highest,
    length(Mine) AS Points,
    arrayReduce('quantileExact(0.5)', Mine.3) AS Middle,
    arrayReduce('quantileExact(0.75)', Mine.3) AS High,
    arrayMax(Mine.3) AS Top,
    arrayFirst(p -> p.3 > Highest + Scale OR p.3 < Lowest - Scale, Mine).1 AS Since
FROM courses
ARRAY JOIN arrayDistinct(Now.2) AS Instance
WHERE match(Metric, {limits:String}) OR UsualPoints = 0 OR length(arrayDistinct(Now.2)) > 1 OR Top > Highest + Scale OR arrayMin(Mine.3) < Lowest - Scale OR High >= Highest
ORDER BY Service, Metric, Attributes, Instance
LIMIT 5000
