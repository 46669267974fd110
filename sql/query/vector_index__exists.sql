-- Grain: one row. Called by detection.vector_index and investigate.nearest: whether there is an index for the model.
SELECT count() AS Tables FROM system.tables WHERE database = currentDatabase() AND name = {table:String}
