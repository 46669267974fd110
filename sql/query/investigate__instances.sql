-- Grain: service × instance × version, and starts under the same name. Key: (Service, Instance, Version, Reset). Called by investigate.restarts: when each
-- running instance was first and last heard of, and its version. A counter that falls back while its start moves is a process started anew under the same
-- name. Metrics tell the instances; traces (with Instance '') when each version was first and last seen, to the millisecond.
WITH
    counters AS
    (
        SELECT
            ServiceName, ResourceAttributes, TimeUnix, Value,
            lagInFrame(Value) OVER counter AS Previous,
            lagInFrame(StartTimeUnix) OVER counter AS PreviousStart,
            StartTimeUnix
        FROM otel_metrics_sum
        WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)} AND IsMonotonic AND AggregationTemporality = 2
        WINDOW counter AS (
            PARTITION BY cityHash64(ServiceName, MetricName, Attributes, otel_pipeline_instance_v1(ResourceAttributes))
            ORDER BY TimeUnix ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
SELECT Service, Instance, Version, Reset, max(Seen) AS LastSeen, min(Seen) AS FirstSeen
FROM
(
    SELECT
        ServiceName AS Service, otel_pipeline_instance_v1(ResourceAttributes) AS Instance, ResourceAttributes['service.version'] AS Version,
        TimeUnix AS Seen, Value < Previous AND StartTimeUnix > PreviousStart AS Reset
    FROM counters
    UNION ALL
    SELECT ServiceName, otel_pipeline_instance_v1(ResourceAttributes), ResourceAttributes['service.version'], TimeUnix, false
    FROM otel_metrics_gauge
    WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
    UNION ALL
    SELECT mapKeys(Versions)[n], '', mapValues(Versions)[n], Timestamp, false
    FROM trace_summaries
    ARRAY JOIN arrayEnumerate(mapKeys(Versions)) AS n
    WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
        AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
)
WHERE Instance != '' OR Version != ''
GROUP BY Service, Instance, Version, Reset
ORDER BY Service, FirstSeen, Instance
