-- Called by evaluation.detect: an empty list of traces to leave out.
CREATE TABLE {stage:Identifier} (TraceId String) ENGINE = Memory
