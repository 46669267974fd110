-- Grain: service. Key: ServiceName. Called by load.shop_matrix: most resident memory, MB,
-- in the quiet from before to start and while the fault lasted, from start to end.
SELECT
    ServiceName,
    maxOrDefaultIf(Value, TimeUnix < {start:DateTime64(3)}) / 1e6 AS Quiet,
    maxOrDefaultIf(Value, TimeUnix >= {start:DateTime64(3)}) / 1e6 AS During
FROM otel_metrics_sum
WHERE TimeUnix >= {before:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)} AND MetricName = 'process.memory.usage'
GROUP BY ServiceName
ORDER BY ServiceName
