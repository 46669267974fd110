-- Called by detection.normal_centroid: an empty table in the form of anomaly_scores, in memory.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS SELECT * FROM anomaly_scores LIMIT 0
