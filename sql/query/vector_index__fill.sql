-- Called by detection.vector_index: vectors of the model's log templates that the index does not hold yet. Large blocks: each becomes a graph of its own.
INSERT INTO {table:Identifier} (TextHash, Vector)
SELECT e.TextHash, any(e.Vector)
FROM embeddings AS e
WHERE e.Model = {model:String} AND e.Kind = 'log_template' AND length(e.Vector) = {dimensions:UInt32}
    AND e.TextHash NOT IN (SELECT TextHash FROM {table:Identifier})
GROUP BY e.TextHash
SETTINGS min_insert_block_size_rows = 1048576, min_insert_block_size_bytes = 2147483648, max_insert_threads = 1
