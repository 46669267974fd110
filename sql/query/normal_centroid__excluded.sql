-- Called by detection.normal_centroid and evaluation.detect: an empty list of traces not to learn from.
CREATE TABLE {stage:Identifier} (TraceId String) ENGINE = Memory
