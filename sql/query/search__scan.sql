-- Grain: text, the nearest first. Called by investigate.nearest where there is no index: an exact scan over all vectors of the model.
WITH reinterpret(unhex({vector:String}), 'Array(Float32)') AS query
SELECT TextHash, cosineDistance(arrayResize(Vector, length(query)), query) AS Distance
FROM embeddings FINAL
WHERE Model = {model:String} AND Dimensions = length(query)
ORDER BY Distance
LIMIT {limit:UInt32}
