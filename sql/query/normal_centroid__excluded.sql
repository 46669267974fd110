-- Grain: a trace that must not be learned from. Called by detection.normal_centroid, into a staging table: anomalous traces of earlier hours.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT TraceId
FROM anomaly_scores
WHERE Verdict = 'anomalous' AND Hour >= toStartOfHour({start:DateTime}) AND Hour < {hour:DateTime}
