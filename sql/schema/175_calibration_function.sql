-- What the statistic of a normal trace says: (values rising, surprise at each: -log10 of the share of normal traces that reach it). sorted: the statistic of
-- all of them. In the upper tenth the surprise is the smaller one of what was counted and of an exponential tail with its mean excess (over the smallest
-- value of the tenth: below it there may be a gap); careful widens that by so many of its standard errors. Called by normal_centroid; read with
-- otel_pipeline_surprise_v1.
CREATE OR REPLACE FUNCTION otel_pipeline_calibration_v1 ${ON_CLUSTER} AS (sorted, careful) ->
    arrayMap(
        (tail, n) -> arrayMap(
            high -> arrayMap(
                (few, width) -> arrayMap(
                    points -> (arrayMap(p -> p.1, points), arrayMap(p -> p.2, points)),
                    [arrayMap(
                        p -> (p.1, greatest(0., least(
                            -log10((p.2 + 0.5) / (n + 1)) + if(few, 0., p.3),
                            if(few OR p.1 <= high, 99., -log10(tail / n) + (p.1 - high) / width)
                        ))),
                        arrayConcat(
                            arrayMap(
                                r -> (sorted[n - r + 1], arrayCount(v -> v >= sorted[n - r + 1], sorted), 0.),
                                arrayReverseSort(arrayDistinct(arrayPushBack(
                                    arrayFilter(r -> r < n, arraySort(arrayConcat(
                                        arrayMap(i -> toUInt64(exp2(i)), range(0, 24)), arrayMap(i -> toUInt64(3 * exp2(i)), range(0, 23))
                                    ))),
                                    n
                                )))
                            ),
                            [(sorted[n] + 1e-9, 0, 0.), (sorted[n] + 20 * width + 1e-6, 0, 20.)]
                        )
                    )]
                )[1],
                [tail < 5],
                [greatest(0.01, if(tail < 5, 1., arraySum(v -> greatest(0., v - high), sorted) / tail * (1 + careful / sqrt(tail)) * log(10)))]
            )[1],
            [sorted[least(n, n - tail + 1)]]
        )[1],
        [arrayCount(v -> v > sorted[toUInt64(floor(0.9 * length(sorted))) + 1], sorted)],
        [length(sorted)]
    )[1]
