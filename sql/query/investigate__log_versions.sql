-- Grain: service × instance × version. Key: the same. Called by investigate.restarts for services that only log, as investigate__instances: when each version
-- of theirs was first and last heard of.
SELECT
    ServiceName AS Service, otel_pipeline_instance_v1(ResourceAttributes) AS Instance, ResourceAttributes['service.version'] AS Version, false AS Reset,
    max(Timestamp) AS LastSeen, min(Timestamp) AS FirstSeen
FROM otel_logs
WHERE Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND mapContains(ResourceAttributes, 'service.version')
    AND ServiceName NOT IN {told:Array(String)}
GROUP BY Service, Instance, Version
ORDER BY Service, FirstSeen, Instance
