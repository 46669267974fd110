-- Grain: service × metric. Key: the same. Called by investigate.cost: points of a window, their bytes, series, and the entropy of their values in bits, as the
-- mean over the series: 0 where they never change. The largest first.
SELECT Service, Text, sum(Points) AS Rows, sum(Size) AS Bytes, count() AS Series, avg(Bits) AS Bits, countIf(Values = 1 AND Points > 3) AS Constant
FROM
(
    SELECT ServiceName AS Service, MetricName AS Text, Attributes, count() AS Points, sum(byteSize(Attributes, ResourceAttributes, MetricName, Value)) AS Size,
        ifNotFinite(entropy(Value), 0) AS Bits, uniq(Value) AS Values
    FROM otel_metrics_gauge
    WHERE TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
    GROUP BY Service, Text, Attributes
    UNION ALL
    SELECT ServiceName, MetricName, Attributes, count(), sum(byteSize(Attributes, ResourceAttributes, MetricName, Value)), ifNotFinite(entropy(Value), 0), uniq(Value)
    FROM otel_metrics_sum
    WHERE TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
    GROUP BY ServiceName, MetricName, Attributes
    UNION ALL
    SELECT ServiceName, MetricName, Attributes, count(), sum(byteSize(Attributes, ResourceAttributes, MetricName, BucketCounts, ExplicitBounds)),
        ifNotFinite(entropy(BucketCounts), 0), uniq(BucketCounts)
    FROM otel_metrics_histogram
    WHERE TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
    GROUP BY ServiceName, MetricName, Attributes
    UNION ALL
    SELECT ServiceName, MetricName, Attributes, count(), sum(byteSize(Attributes, ResourceAttributes, MetricName, PositiveBucketCounts)),
        ifNotFinite(entropy(Sum), 0), uniq(Sum)
    FROM otel_metrics_exponential_histogram
    WHERE TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
    GROUP BY ServiceName, MetricName, Attributes
    UNION ALL
    SELECT ServiceName, MetricName, Attributes, count(), sum(byteSize(Attributes, ResourceAttributes, MetricName, `ValueAtQuantiles.Value`)),
        ifNotFinite(entropy(Sum), 0), uniq(Sum)
    FROM otel_metrics_summary
    WHERE TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
    GROUP BY ServiceName, MetricName, Attributes
)
GROUP BY Service, Text
ORDER BY Bytes DESC, Service, Text
LIMIT 1000
