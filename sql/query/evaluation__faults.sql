-- Grain: an injected fault that is over. Key: Id. Called by evaluation.memory: the ground truth.
SELECT Scenario, ServiceName, StartedAt, EndedAt FROM fault_ledger FINAL WHERE EndedAt IS NOT NULL ORDER BY StartedAt
