-- Grain: one row. Called by detection.vector_index and investigate.nearest: whether there is an index for the model.
EXISTS TABLE {table:Identifier}
