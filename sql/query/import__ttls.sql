-- Grain: a table with a retention. Called by importer.
SELECT name, engine_full
FROM system.tables
WHERE database = currentDatabase() AND position(engine_full, ' TTL ') > 0 AND NOT startsWith(name, 'staging_')
