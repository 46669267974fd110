-- Grain: a raw node of the lineage. Key: Name. Called by the sensor raw_telemetry and the checks of raw nodes: rows kept, rows of the last hour, newest event.
SELECT Name, sum(KeptRows) AS Kept, sum(HourRows) AS LastHour, max(NewestRow) AS Newest, Newest > toDateTime(0, 'UTC') AS Timed
FROM
(
    SELECT if(table LIKE 'otel_metrics%', 'otel_metrics', table) AS Name, sum(rows) AS KeptRows, 0 AS HourRows, toDateTime(0, 'UTC') AS NewestRow
    FROM system.parts
    WHERE database = {database:String} AND active
        AND (table IN ('otel_logs', 'otel_traces', 'hyperdx_sessions') OR table LIKE 'otel_metrics%')
    GROUP BY Name
    UNION ALL
    SELECT concat('otel_', Source), 0, sumIf(Rows, Minute >= now() - INTERVAL 1 HOUR), toDateTime(max(Minute), 'UTC')
    FROM raw_arrivals
    WHERE Minute >= now() - INTERVAL 1 DAY AND Minute <= now()
    GROUP BY Source
)
GROUP BY Name
ORDER BY Name
