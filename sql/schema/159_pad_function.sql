-- Nanoseconds added to a time before its logarithm is taken: the usual duration of the whole, so that a part that takes next to none of it
-- is no news when it takes ten times as long; a fifth of a millisecond at the least. Called by normal_centroid and anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_pad_v1 ${ON_CLUSTER} AS (usual_duration) -> greatest(200000., toFloat64(usual_duration))
