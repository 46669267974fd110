-- Grain: distinct text × model. Key: (Model, TextHash); read with FINAL. Written by embeddings; rows of other tables reach their vector by TextHash.
-- A new model adds vectors beside the old ones.
CREATE TABLE IF NOT EXISTS embeddings ${ON_CLUSTER}
(
    Model LowCardinality(String) COMMENT 'Embedding model',
    TextHash UInt64 COMMENT 'cityHash64 of Text',
    Kind LowCardinality(String) COMMENT 'Where the text was first met: log_template, trace_shape, error_pattern',
    Text String COMMENT 'The text that was embedded' CODEC(ZSTD(3)),
    Vector Array(Float32) COMMENT 'Its embedding, of unit length' CODEC(NONE),
    Dimensions UInt16 COMMENT 'Length of Vector',
    CreatedAt DateTime64(3) DEFAULT now64(3) COMMENT 'When it was embedded'
)
ENGINE = ${REPLICATED}ReplacingMergeTree(CreatedAt)
ORDER BY (Model, TextHash)
