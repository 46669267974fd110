-- Grain: a staging table. Called by detection.staging, to find what killed runs left behind; the name holds the second of its creation.
SELECT name FROM system.tables WHERE database = currentDatabase() AND match(name, '^staging_[0-9]+_')
