-- Grain: root operation that nobody asked for. Key: (Service, Operation). Called by investigate.evidence: runs of jobs, and the anomalous ones.
SELECT RootService AS Service, RootOperation AS Operation, count() AS Runs, countIf(Verdict = 'anomalous') AS Anomalous
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AND RootKind = 'Internal'
GROUP BY Service, Operation
HAVING Anomalous >= 3
ORDER BY Anomalous DESC, Service, Operation
LIMIT 5
