-- Grain: service × histogram × window. Key: (Service, Metric, Window). Called by investigate.metrics: observations, and quantiles .5 and .99 out of
-- the buckets of both kinds of histogram, over all attributes and instances. Windows are numbered from 1. Of a cumulative series only its last point in
-- a window and the last one before it count; what it holds between them is the difference. An exponential histogram halves its resolution as its values
-- spread, and its buckets begin anywhere: buckets are known by their index at the coarsest scale of the series in the window (OpenTelemetry's metrics data
-- model, "Exponential scale"). A point with the flag "no recorded value" (1) is no value.
WITH
    points AS
    (
        SELECT
            ServiceName, MetricName, MetricUnit, ResourceAttributes, Attributes, TimeUnix, StartTimeUnix, AggregationTemporality, BucketCounts AS Buckets,
            -- Without bounds, all observations are taken for their mean.
            if(empty(ExplicitBounds), [Sum / greatest(1, Count)], ExplicitBounds) AS Bounds, toInt32(0) AS Scale, toInt32(0) AS Offset, false AS Exponential
        FROM otel_metrics_histogram
        WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= arrayMin({starts:Array(DateTime64(3))}) - INTERVAL 60 SECOND AND TimeUnix < arrayMax({ends:Array(DateTime64(3))})
            AND arrayExists((a, b) -> TimeUnix >= a - INTERVAL 60 SECOND AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
        UNION ALL
        SELECT
            ServiceName, MetricName, MetricUnit, ResourceAttributes, Attributes, TimeUnix, StartTimeUnix, AggregationTemporality,
            arrayConcat([ZeroCount], PositiveBucketCounts), [], Scale, PositiveOffset, true
        FROM otel_metrics_exponential_histogram
        WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= arrayMin({starts:Array(DateTime64(3))}) - INTERVAL 60 SECOND AND TimeUnix < arrayMax({ends:Array(DateTime64(3))})
            AND arrayExists((a, b) -> TimeUnix >= a - INTERVAL 60 SECOND AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
    ),
    series AS
    (
        SELECT
            ServiceName AS Service, MetricName AS Metric, MetricUnit AS Unit, Buckets, Exponential, TimeUnix,
            cityHash64(Attributes, otel_pipeline_instance_v1(ResourceAttributes), length(Bounds)) AS Series, Bounds, Scale, Offset,
            AggregationTemporality = 1 AS Delta,
            if(Delta, toDateTime64(0, 9), StartTimeUnix) AS Began,
            arrayJoin(arrayFilter(
                i -> TimeUnix >= {starts:Array(DateTime64(3))}[i] - INTERVAL 60 SECOND AND TimeUnix < {ends:Array(DateTime64(3))}[i],
                arrayEnumerate({starts:Array(DateTime64(3))})
            )) AS Window,
            TimeUnix >= {starts:Array(DateTime64(3))}[Window] AS Inside
        FROM points
        WHERE {service:String} = '' OR ServiceName = {service:String}
    ),
    courses AS
    (
        SELECT
            Service, Metric, Window, Exponential, Coarsest, any(Unit) AS Unit, any(Bounds) AS Bounds, minIf(TimeUnix, Inside) AS Since,
            argMaxIf(Held, TimeUnix, NOT Inside) AS Before,
            argMinIf(Held, TimeUnix, Inside) AS First,
            argMaxIf(Held, TimeUnix, Inside) AS Latest,
            sumMapIf(Held.1, Held.2, Inside) AS Sums,
            -- A series that began within sight had nothing before.
            multiIf(countIf(NOT Inside) > 0, Before, Began >= {starts:Array(DateTime64(3))}[Window] - INTERVAL 60 SECOND, (CAST([], 'Array(Int32)'), CAST([], 'Array(Int64)')), First) AS Base,
            arrayReduce('sumMap', [Latest.1, Base.1], [Latest.2, arrayMap(x -> -x, Base.2)]) AS Steps,
            multiIf(Delta, Sums, arrayExists(x -> x < 0, Steps.2), Latest, Steps) AS Counts
        FROM
        (
            SELECT
                *,
                min(Scale) OVER (PARTITION BY Service, Metric, Window, Series, Exponential, Delta, Began) AS Coarsest,
                arrayReduce(
                    'sumMap',
                    [arrayMap(i -> toInt32(multiIf(NOT Exponential, i, i = 1, -2000000000, floor((Offset + i - 2) / exp2(Scale - Coarsest)))), arrayEnumerate(Buckets))],
                    [arrayMap(x -> toInt64(x), Buckets)]
                ) AS Held
            FROM series
        )
        GROUP BY Service, Metric, Window, Series, Delta, Began, Exponential, Coarsest
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
    Counts.2 AS Times,
    -- A bucket stands for its middle; the open ones at the ends for their inner bound.
    arrayMap(
        i -> multiIf(
            Exponential, if(i = -2000000000, 0., exp2((i + 0.5) / exp2(Coarsest))),
            i = 1, Bounds[1],
            i > length(Bounds), Bounds[-1],
            (Bounds[i - 1] + Bounds[i]) / 2
        ),
        Counts.1
    ) AS Number
WHERE Times > 0 AND isFinite(Number)
GROUP BY Service, Metric, Window
ORDER BY Service, Metric, Window
