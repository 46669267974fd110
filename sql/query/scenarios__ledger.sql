-- Grain: an injected fault that has ended. Key: Id. Called by benchmarks.scenarios, which judges answers by it; in order of time.
SELECT Scenario, ServiceName, StartedAt, EndedAt
FROM fault_ledger FINAL
WHERE EndedAt IS NOT NULL
ORDER BY StartedAt
