-- Grain: one row. Called by migrate: a table's engine, with its TTL.
SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = {table:String}
