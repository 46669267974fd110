-- Grain: one row. Called by detection.vector_index: how many distinct log templates the model has embedded, and how long its vectors are.
SELECT uniqExact(TextHash) AS Vectors, max(Dimensions) AS Dimensions
FROM embeddings
WHERE Model = {model:String} AND Kind = 'log_template'
