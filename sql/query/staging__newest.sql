-- Grain: one row. Called by detection.staging: the newest block of a partition; merges leave it as it is, whoever writes does not.
SELECT count() AS Parts, max(max_block_number) AS Block FROM system.parts WHERE database = currentDatabase() AND table = {table:String} AND partition_id = {partition:String} AND active
