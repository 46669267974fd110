-- How much more likely something odd is a fault, log10, where many of the like were odd a moment before: (share of odd ones beyond the tenth that normal
-- traffic has and twice its standard error) / (0.003, the share that is expected at any time). high: how many of the last minute were odd; seen: of how many;
-- seconds: in how many different seconds. Odd ones come in clumps (a customer who asks ten times at once): by their mean size the variance is larger (Kish).
-- Called by anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_context_v2 ${ON_CLUSTER} AS (high, seen, seconds) ->
    log10(1 + greatest(0., high - 0.1 * seen - 2 * sqrt(0.09 * seen * greatest(1., high / greatest(seconds, 1)) + 0.25)) / greatest(seen, 1) / 0.003)
