-- Grain: service × histogram × window. Key: (Service, Metric, Window). Called by investigate.metrics: observations, and quantiles .5 and .99 out of
-- the buckets of both kinds of histogram, over all attributes and instances. Windows are numbered from 1.
WITH
    toDateTime64(arrayMin({starts:Array(DateTime64(3))}), 9) AS First,
    toDateTime64(arrayMax({ends:Array(DateTime64(3))}), 9) AS Last,
    points AS
    (
        SELECT
            ServiceName AS Service, MetricName AS Metric, MetricUnit AS Unit, otel_pipeline_instance_v1(ResourceAttributes) AS Instance, Attributes, TimeUnix,
            StartTimeUnix, AggregationTemporality, BucketCounts AS Buckets, 0 AS Layout,
            -- A bucket stands for its middle; the open ones at the ends for their inner bound.
            arrayMap(
                i -> multiIf(empty(ExplicitBounds), Sum / greatest(1, Count), i = 1, ExplicitBounds[1], i > length(ExplicitBounds), ExplicitBounds[-1],
                    (ExplicitBounds[i - 1] + ExplicitBounds[i]) / 2),
                arrayEnumerate(BucketCounts)
            ) AS Values
        FROM otel_metrics_histogram
        WHERE TimeUnix >= First AND TimeUnix < Last
        UNION ALL
        SELECT
            ServiceName, MetricName, MetricUnit, otel_pipeline_instance_v1(ResourceAttributes), Attributes, TimeUnix, StartTimeUnix, AggregationTemporality,
            arrayConcat([ZeroCount], PositiveBucketCounts), cityHash64(Scale, PositiveOffset, length(PositiveBucketCounts)),
            arrayConcat([0.], arrayMap(i -> exp2((PositiveOffset + i - 0.5) / exp2(Scale)), arrayEnumerate(PositiveBucketCounts)))
        FROM otel_metrics_exponential_histogram
        WHERE TimeUnix >= First AND TimeUnix < Last
    ),
    steps AS
    (
        SELECT
            Service, Metric, Unit, TimeUnix, Values, StartTimeUnix, Buckets, AggregationTemporality = 1 AS Delta,
            row_number() OVER series AS Position,
            lagInFrame(Layout) OVER series AS LayoutBefore,
            lagInFrame(Buckets) OVER series AS Before,
            NOT Delta AND Position > 1 AND LayoutBefore = Layout AND length(Before) = length(Buckets)
                AND arrayAll(i -> Buckets[i] >= Before[i], arrayEnumerate(Buckets)) AS Grows,
            arrayMap(i -> toInt64(Buckets[i]) - if(Grows, toInt64(Before[i]), 0), arrayEnumerate(Buckets)) AS Counts
        FROM points
        WINDOW series AS (PARTITION BY Service, Metric, Instance, Attributes ORDER BY TimeUnix ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
SELECT
    Service,
    Metric,
    any(Unit) AS Unit,
    arrayFirstIndex((a, b) -> TimeUnix >= a AND TimeUnix < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
    sum(Times) AS Observations,
    quantileExactWeighted(0.5)(Number, toUInt64(Times)) AS Half,
    quantileExactWeighted(0.99)(Number, toUInt64(Times)) AS Tail,
    min(TimeUnix) AS Since
FROM steps
ARRAY JOIN Values AS Number, Counts AS Times
WHERE Window > 0 AND Times > 0 AND isFinite(Number) AND ({service:String} = '' OR Service = {service:String})
    -- The first point of a cumulative series tells what was before, unless it began within sight; one of another layout cannot be told apart.
    AND (Delta OR Grows OR (Position = 1 AND StartTimeUnix >= First))
GROUP BY Service, Metric, Window
ORDER BY Service, Metric, Window
