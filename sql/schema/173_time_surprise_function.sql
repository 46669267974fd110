-- How surprising a time is: -log10 of the share of normal ones that reach it, by the largest values of normal_times; beyond the largest the tail goes on
-- exponentially with its slope. own = 1: the time is one of those that were learned, and is judged without itself. Fewer than ten values tell nothing.
-- Called by anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_time_surprise_v1 ${ON_CLUSTER} AS (x, traces, tops, ranks, slope, slope_without, own) ->
    multiIf(
        traces < 10 + own, 0.,
        own = 1 AND x >= tops[1], log10(2 * traces) + least(8., greatest(0., x - tops[2]) / slope_without),
        x > tops[1], log10(2 * (traces + 1)) + least(8., (x - tops[1]) / slope),
        -log10(least(1., (arrayMap(
            i -> if(i = length(tops), toFloat64(traces), ranks[i] + (toFloat64(ranks[i + 1]) - ranks[i]) * (tops[i] - x) / greatest(tops[i] - tops[i + 1], 1e-9)),
            [arrayCount(v -> v >= x, tops)]
        )[1] - own + 0.5) / (traces - own + 1)))
    )
