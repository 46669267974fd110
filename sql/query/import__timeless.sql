-- Grain: one row. Called by importer: log lines whose time is missing or cannot be.
SELECT countIf(Timestamp < '1971-01-01' OR Timestamp > now() + INTERVAL 1 YEAR) AS Lines FROM {stage:Identifier}
