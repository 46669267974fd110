-- Grain: a fault that was switched on. Key: Id. Called by evaluation.ledger: the truth that incidents and scores are judged by. One that still lasts ends now.
SELECT
    Id,
    Scenario,
    ServiceName AS Service,
    StartedAt AS Start,
    ifNull(EndedAt, now64(3)) AS End
FROM fault_ledger FINAL
ORDER BY Start, Id
