-- Grain: one row. Called by detection.beside: rows of a partition that other versions of the detector have written. Looks beyond the filter of the connection.
SELECT count() AS Rows
FROM {table:Identifier}
WHERE _partition_id = {partition:String} AND Detector != {detector:String}
SETTINGS additional_table_filters = {}
