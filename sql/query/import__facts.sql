-- Grain: one row. Called by importer: what a staged file holds, and what is wrong with it.
SELECT
    count() AS Rows,
    countIf(Timestamp < '1971-01-01' OR Timestamp > now() + INTERVAL 1 YEAR) AS Timeless,
    countIf(ServiceName = '') AS Nameless,
    toDateTime64(min(Timestamp), 3) AS Start,
    toDateTime64(max(Timestamp), 3) AS End
FROM {stage:Identifier}
