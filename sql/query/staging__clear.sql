-- Called by detection.staging: an hour without rows.
ALTER TABLE {table:Identifier} DROP PARTITION ID {partition:String}
