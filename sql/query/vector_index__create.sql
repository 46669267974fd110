-- Grain: distinct log template text. Key: TextHash. Called by detection.vector_index: the vectors of one model with an HNSW graph over them.
-- bf16: half the memory of the graph, and the same neighbours. One part, one graph: the index is the last of all to be built. Small granules: vectors of
-- candidates are read by their key.
CREATE TABLE IF NOT EXISTS ${TABLE} ${ON_CLUSTER}
(
    TextHash UInt64 COMMENT 'cityHash64 of the text: embeddings.TextHash',
    Vector Array(Float32) COMMENT 'Its embedding, of unit length' CODEC(NONE),
    INDEX nearest Vector TYPE vector_similarity('hnsw', 'cosineDistance', ${DIMENSIONS}, 'bf16', ${CONNECTIONS}, ${CANDIDATES}) GRANULARITY 100000000
)
ENGINE = ${REPLICATED}MergeTree
ORDER BY TextHash
SETTINGS index_granularity = 64
