-- How surprising a statistic is: -log10 of the share of normal traces that reach it. values: quantiles of the statistic at 1 - 10^-level.
-- Beyond the last value the tail goes on as it came, exponentially (slope of the last decades, at most 1 a unit). Called by anomaly_scores and normal_centroid.
CREATE OR REPLACE FUNCTION otel_pipeline_surprise_v1 ${ON_CLUSTER} AS (statistic, values, levels) ->
    multiIf(
        empty(values) OR statistic <= values[1], 0.,
        statistic > values[-1],
            levels[-1] + if(
                length(values) > 11 AND values[-1] > values[11],
                least(9., (statistic - values[-1]) * least(1., (levels[-1] - levels[11]) / (values[-1] - values[11]))),
                0.
            ),
        arrayMap(
            i -> levels[i] + (levels[i + 1] - levels[i]) * (statistic - values[i]) / (values[i + 1] - values[i]),
            [arrayCount(v -> v < statistic, values)]
        )[1]
    )
