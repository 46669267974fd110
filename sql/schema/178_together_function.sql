-- Surprises of several signals put together: hardly more than the largest one, unless several are large (the norm of fourth powers).
-- Called by normal_centroid and anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_together_v1 ${ON_CLUSTER} AS (one, two, three, four) -> sqrt(sqrt(pow(one, 4) + pow(two, 4) + pow(three, 4) + pow(four, 4)))
