-- Grain: a root operation whose traces pass a service in a window. Key: the same. Called by detection.drifts; the busiest first.
SELECT RootService, RootOperation, count() AS Traces
FROM trace_summaries
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= toStartOfHour({end:DateTime64(3)})
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND has(Services, {service:String})
GROUP BY RootService, RootOperation
ORDER BY Traces DESC, RootService, RootOperation
LIMIT 50
