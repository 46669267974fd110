-- Grain: text, the nearest first. Called by investigate.nearest where there are many: the HNSW graph of the model's index (vector_index__create).
-- vector: the query's float32 in hex. One thread: the graph answers in less time than further ones take to start.
WITH reinterpret(unhex({vector:String}), 'Array(Float32)') AS query
SELECT TextHash, cosineDistance(Vector, query) AS Distance
FROM {table:Identifier}
ORDER BY Distance
LIMIT {limit:UInt32}
SETTINGS max_threads = 1
