-- Called by detection.normal_centroid: add the anomalous traces of the present hour.
INSERT INTO {stage:Identifier} SELECT TraceId FROM {scores:Identifier} WHERE Verdict = 'anomalous'
