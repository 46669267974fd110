-- Grain: service × histogram × window. Key: (Service, Metric, Window). Called by investigate.metrics: observations, and quantiles .5 and .99 out of
-- the buckets of both kinds of histogram, over all attributes and instances. Windows are numbered from 1. Of a cumulative series only its last point in
-- a window and the last one before it count; what it holds between them is the difference.
WITH
    points AS
    (
        SELECT
            ServiceName, MetricName, MetricUnit, ResourceAttributes, Attributes, TimeUnix, StartTimeUnix, AggregationTemporality, BucketCounts AS Buckets,
            -- Without bounds, all observations are taken for their mean.
            if(empty(ExplicitBounds), [Sum / greatest(1, Count)], ExplicitBounds) AS Bounds, toInt32(0) AS Scale, toInt32(0) AS Offset, false AS Exponential
        FROM otel_metrics_histogram
        WHERE TimeUnix >= arrayMin({starts:Array(DateTime64(3))}) - INTERVAL 60 SECOND AND TimeUnix < arrayMax({ends:Array(DateTime64(3))})
            AND arrayExists((a, b) -> TimeUnix >= a - INTERVAL 60 SECOND AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
        UNION ALL
        SELECT
            ServiceName, MetricName, MetricUnit, ResourceAttributes, Attributes, TimeUnix, StartTimeUnix, AggregationTemporality,
            arrayConcat([ZeroCount], PositiveBucketCounts), [], Scale, PositiveOffset, true
        FROM otel_metrics_exponential_histogram
        WHERE TimeUnix >= arrayMin({starts:Array(DateTime64(3))}) - INTERVAL 60 SECOND AND TimeUnix < arrayMax({ends:Array(DateTime64(3))})
            AND arrayExists((a, b) -> TimeUnix >= a - INTERVAL 60 SECOND AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
    ),
    courses AS
    (
        SELECT
            Service, Metric, Window, Delta, Began, Exponential, Scale, Offset, length(Buckets) AS Length,
            any(Unit) AS Unit, any(Bounds) AS Bounds, minIf(TimeUnix, Inside) AS Since,
            argMaxIf(Buckets, TimeUnix, NOT Inside) AS Before,
            argMinIf(Buckets, TimeUnix, Inside) AS First,
            argMaxIf(Buckets, TimeUnix, Inside) AS Latest,
            sumForEachIf(Buckets, Inside) AS Sums,
            -- A series that began within sight had nothing before.
            multiIf(countIf(NOT Inside) > 0, Before, Began >= {starts:Array(DateTime64(3))}[Window] - INTERVAL 60 SECOND, arrayMap(x -> 0, Latest), First) AS Base,
            arrayMap(i -> toInt64(Latest[i]) - toInt64(Base[i]), arrayEnumerate(Latest)) AS Steps,
            multiIf(Delta, arrayMap(x -> toInt64(x), Sums), arrayExists(x -> x < 0, Steps), arrayMap(x -> toInt64(x), Latest), Steps) AS Counts
        FROM
        (
            SELECT
                ServiceName AS Service, MetricName AS Metric, MetricUnit AS Unit, Buckets, Bounds, Scale, Offset, Exponential, TimeUnix,
                cityHash64(Attributes, otel_pipeline_instance_v1(ResourceAttributes)) AS Series,
                AggregationTemporality = 1 AS Delta,
                if(Delta, toDateTime64(0, 9), StartTimeUnix) AS Began,
                arrayJoin(arrayFilter(
                    i -> TimeUnix >= {starts:Array(DateTime64(3))}[i] - INTERVAL 60 SECOND AND TimeUnix < {ends:Array(DateTime64(3))}[i],
                    arrayEnumerate({starts:Array(DateTime64(3))})
                )) AS Window,
                TimeUnix >= {starts:Array(DateTime64(3))}[Window] AS Inside
            FROM points
            WHERE {service:String} = '' OR ServiceName = {service:String}
        )
        GROUP BY Service, Metric, Window, Series, Delta, Began, Exponential, Scale, Offset, Length
        HAVING countIf(Inside) > 0
    )
SELECT
    Service,
    Metric,
    any(Unit) AS Unit,
    Window,
    sum(Times) AS Observations,
    quantileExactWeighted(0.5)(Number, toUInt64(Times)) AS Half,
    quantileExactWeighted(0.99)(Number, toUInt64(Times)) AS Tail,
    min(Since) AS Since
FROM courses
ARRAY JOIN
    Counts AS Times,
    -- A bucket stands for its middle; the open ones at the ends for their inner bound.
    arrayMap(
        i -> multiIf(
            Exponential, if(i = 1, 0., exp2((Offset + i - 1.5) / exp2(Scale))),
            i = 1, Bounds[1],
            i > length(Bounds), Bounds[-1],
            (Bounds[i - 1] + Bounds[i]) / 2
        ),
        arrayEnumerate(Counts)
    ) AS Number
WHERE Times > 0 AND isFinite(Number)
GROUP BY Service, Metric, Window
ORDER BY Service, Metric, Window
