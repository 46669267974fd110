-- Grain: root operation. Key: (Service, Operation). Called by investigate.engine: where trouble shows, the most anomalous traces first.
SELECT RootService AS Service, RootOperation AS Operation, countIf(Verdict = 'anomalous') AS Anomalous, count() AS Traces
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND RootKind != 'Internal'
GROUP BY Service, Operation
ORDER BY Anomalous DESC, Traces DESC, Service, Operation
