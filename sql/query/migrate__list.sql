-- Grain: a schema file that was run. Called by migrate.
SELECT Name, Checksum
FROM schema_migrations FINAL
