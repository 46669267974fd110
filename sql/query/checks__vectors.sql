-- Grain: one row. Called by the check of embeddings: lengths of the model's vectors, and vectors that cannot be compared.
SELECT count() AS Vectors, groupUniqArray(length(Vector)) AS Lengths, countIf(length(Vector) != Dimensions OR NOT isFinite(arraySum(Vector))) AS Broken
FROM embeddings
WHERE Model = {model:String}
