-- Grain: fault injected into the sample shop. Key: Id; read with FINAL: a fault is inserted open, and again with its end. Written by
-- load/faults.py, read only to judge results (demo, evaluations, tests); detection and investigation never look here.
CREATE TABLE IF NOT EXISTS fault_ledger ${ON_CLUSTER}
(
    Id String COMMENT 'Identifier of the injection',
    Scenario LowCardinality(String) COMMENT 'What was switched on, such as payment_timeout',
    ServiceName LowCardinality(String) COMMENT 'Service whose own work was broken; empty: none, the scenario is loud but harmless',
    StartedAt DateTime64(3) COMMENT 'When it was switched on, UTC',
    EndedAt Nullable(DateTime64(3)) COMMENT 'When it was switched off; NULL while it lasts',
    ExpectedSignature String COMMENT 'What telemetry should show, in words',
    Parameters Map(String, String) COMMENT 'Parameters in force',
    Version UInt64 COMMENT 'Milliseconds since 1970 of this row: the newest row of an Id counts'
)
ENGINE = ${REPLICATED}ReplacingMergeTree(Version)
ORDER BY Id
