-- Grain: service × instance × version. Key: (Service, Instance, Version). Called by investigate.restarts where there are no metrics, as investigate__instances:
-- spans tell the same, but there are many of them.
SELECT
    ServiceName AS Service, otel_pipeline_instance_v1(ResourceAttributes) AS Instance, ResourceAttributes['service.version'] AS Version, false AS Reset,
    max(Timestamp) AS LastSeen, min(Timestamp) AS FirstSeen
FROM otel_traces
WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
GROUP BY Service, Instance, Version
HAVING Instance != ''
ORDER BY Service, FirstSeen, Instance
