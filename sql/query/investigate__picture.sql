-- Grain: bin of some seconds. Key: Bin, from 0. Called by investigate.timeline: traces, and the anomalous ones.
SELECT
    toUInt32(date_diff('millisecond', {start:DateTime64(3)}, Timestamp) / 1000 / {seconds:Float64}) AS Bin,
    count() AS Traces,
    countIf(Verdict = 'anomalous') AS Anomalous
FROM anomaly_scores
WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
    AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
GROUP BY Bin
ORDER BY Bin
