-- Grain: one row. Called by embeddings: what the model has embedded so far.
SELECT
    uniqExact(TextHash) AS vectors,
    uniqExactIf(TextHash, Kind = 'log_template') AS template_vectors,
    uniqExactIf(TextHash, Kind = 'trace_shape') AS shape_vectors,
    max(Dimensions) AS dimensions
FROM embeddings
WHERE Model = {model:String}
