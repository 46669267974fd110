-- Grain: a column. Key: (Table, Column). Called by tools.sql: tables and views with what their columns mean.
SELECT c.table AS Table, c.name AS Column, c.type AS Type, c.comment AS Comment, t.engine AS Engine, t.total_rows AS Rows
FROM system.columns AS c
INNER JOIN system.tables AS t ON t.database = c.database AND t.name = c.table
WHERE c.database = currentDatabase() AND ({table:String} = '' OR c.table = {table:String})
ORDER BY c.table, c.position
