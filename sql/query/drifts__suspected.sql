-- Grain: minute × service. Key: the same. Called by detection.drifts: anomalous traces that point at a service.
SELECT toStartOfMinute(toDateTime(Timestamp)) AS Minute, Suspect AS Service, count() AS Anomalous
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime}) AND Hour <= toStartOfHour({end:DateTime})
    AND Timestamp >= {start:DateTime} AND Timestamp < {end:DateTime} AND Verdict = 'anomalous' AND RootKind != 'Internal'
GROUP BY Minute, Service
