-- Grain: service. Key: Service. Called by investigate.status: services with traces in the last days, with log lines, or with metrics of the last day, and when
-- each was last seen.
SELECT Service, max(Seen) AS LastSeen
FROM
(
    SELECT toString(Visited) AS Service, toDateTime64(max(Timestamp), 3) AS Seen
    FROM trace_summaries
    ARRAY JOIN Services AS Visited
    WHERE Hour >= {end:DateTime64(3)} - INTERVAL 30 DAY
    GROUP BY Service
    UNION ALL
    SELECT toString(ServiceName), toDateTime64(max(LastSeen), 3)
    FROM log_template_counts
    WHERE Hour >= {end:DateTime64(3)} - INTERVAL 30 DAY
    GROUP BY ServiceName
    UNION ALL
    SELECT toString(ServiceName), toDateTime64(max(TimeUnix), 3)
    FROM merge('^otel_metrics_(gauge|sum|histogram)$')
    WHERE TimeUnix >= {end:DateTime64(3)} - INTERVAL 1 DAY AND TimeUnix < {end:DateTime64(3)} + INTERVAL 1 DAY
    GROUP BY ServiceName
)
WHERE Service != ''
GROUP BY Service
ORDER BY Service
