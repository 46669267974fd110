-- Grain: service. Key: Service. Called by investigate.status: services with traces in the last days, and when each was last seen.
SELECT Service, max(Timestamp) AS LastSeen
FROM trace_summaries
ARRAY JOIN Services AS Service
WHERE Hour >= {end:DateTime64(3)} - INTERVAL 30 DAY
GROUP BY Service
ORDER BY Service
