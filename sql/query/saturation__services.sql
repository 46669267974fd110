-- Grain: service with metrics. Key: Service. Called by detection.signals.saturation.
SELECT DISTINCT toString(ServiceName) AS Service FROM otel_metrics_gauge WHERE TimeUnix >= {start:DateTime} AND TimeUnix < {end:DateTime}
UNION DISTINCT
SELECT DISTINCT toString(ServiceName) FROM otel_metrics_sum WHERE TimeUnix >= {start:DateTime} AND TimeUnix < {end:DateTime}
