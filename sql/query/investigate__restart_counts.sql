-- Grain: a rise of a restart counter. Key: (Service, At). Called by investigate.restarts: what Kubernetes counts of its containers and pods, told by a
-- collector rather than by the service itself. The service is that of the resource, unless the resource names none or the collector's own for several
-- workloads: then it is the workload. Restarts of one service within a minute and a half are one.
SELECT Service, min(At) AS At, sum(Rose) AS Times
FROM
(
    SELECT Service, At, Rose, sum(Apart) OVER (PARTITION BY Service ORDER BY At ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS Part
    FROM
    (
        SELECT Service, At, Rose, At > lagInFrame(At) OVER (PARTITION BY Service ORDER BY At ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) + INTERVAL 90 SECOND AS Apart
        FROM
        (
            SELECT
                if(ServiceName IN ('', 'unknown_service') OR (Workload != '' AND uniqExact(Workload) OVER (PARTITION BY ServiceName) > 1), Workload, ServiceName) AS Service,
                TimeUnix AS At,
                Value - lagInFrame(Value, 1, Value) OVER series AS Rose
            FROM
            (
                SELECT
                    ServiceName, TimeUnix, Value,
                    coalesce(
                        nullIf(ResourceAttributes['k8s.deployment.name'], ''), nullIf(ResourceAttributes['k8s.statefulset.name'], ''),
                        nullIf(ResourceAttributes['k8s.daemonset.name'], ''), nullIf(ResourceAttributes['k8s.container.name'], ''),
                        nullIf(Attributes['container'], ''), ''
                    ) AS Workload,
                    cityHash64(ServiceName, MetricName, Attributes, ResourceAttributes) AS Series
                FROM
                (
                    SELECT ServiceName, ResourceAttributes, MetricName, Attributes, TimeUnix, Value FROM otel_metrics_gauge
                    WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)}
                        AND match(MetricName, '(?i)(k8s|kube|container|pod)[a-z0-9._]*restart')
                    UNION ALL
                    SELECT ServiceName, ResourceAttributes, MetricName, Attributes, TimeUnix, Value FROM otel_metrics_sum
                    WHERE bitAnd(Flags, 1) = 0 AND TimeUnix >= {start:DateTime64(3)} AND TimeUnix < {end:DateTime64(3)} AND AggregationTemporality != 1
                        AND match(MetricName, '(?i)(k8s|kube|container|pod)[a-z0-9._]*restart')
                )
            )
            WINDOW series AS (PARTITION BY Series ORDER BY TimeUnix ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        )
        WHERE Rose > 0 AND Service != ''
    )
)
GROUP BY Service, Part
ORDER BY At, Service
