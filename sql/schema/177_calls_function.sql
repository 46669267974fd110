-- What a service did and called within a trace, as a hash: each child and whether it came as often as the service was entered, more often or less.
-- children: otel_pipeline_children_v1; times: how often it was entered. Called by normal_centroid and anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_calls_v1 ${ON_CLUSTER} AS (children, times) ->
    cityHash64(arrayMap(c -> (c.1, multiIf(c.2 = times, 1, c.2 > times, 2, 0)), children))
