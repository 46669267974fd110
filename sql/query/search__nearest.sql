-- Grain: text, the nearest first. Called by investigate.nearest where there are many: the HNSW graph of the model's index (vector_index__create).
SELECT TextHash, 1 - cosineDistance(Vector, {vector:Array(Float32)}) AS Similarity
FROM {table:Identifier}
ORDER BY cosineDistance(Vector, {vector:Array(Float32)})
LIMIT {limit:UInt32}
