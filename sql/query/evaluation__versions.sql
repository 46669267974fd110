-- Grain: a database in which traces have been judged: a version of the lineage. Called by evaluation.compare.
SELECT toUInt32OrDefault(extract(database, '_v([0-9]+)$'), 1::UInt32) AS Version
FROM system.tables
WHERE name = 'anomaly_scores' AND total_rows > 0 AND (database = {database:String} OR match(substring(database, length({database:String}) + 1), '^_v[0-9]+$'))
    AND startsWith(database, {database:String})
ORDER BY Version
