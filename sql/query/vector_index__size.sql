-- Grain: one row. Called by detection.vector_index: vectors in the index.
SELECT count() AS Vectors FROM {table:Identifier}
