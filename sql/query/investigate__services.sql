-- Grain: a service. Key: Service. Called by investigate.changes: its visits, failures, own work and versions in the first window and in the others.
WITH arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window
SELECT
    Service,
    countIf(Window = 1) AS Now,
    countIf(Window > 1) AS Before,
    countIf(Window = 1 AND Failed) AS FailedNow,
    countIf(Window > 1 AND Failed) AS FailedBefore,
    if(Now = 0, 0, quantileExactIf(0.5)(OwnNs / 1e6, Window = 1)) AS MsNow,
    if(Before = 0, 0, quantileExactIf(0.5)(OwnNs / 1e6, Window > 1)) AS MsBefore,
    groupUniqArrayIf(20)(Version, Window = 1 AND Version != '') AS VersionsNow,
    groupUniqArrayIf(20)(Version, Window > 1 AND Version != '') AS VersionsBefore
FROM service_visits
WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
    AND Window > 0
GROUP BY Service
ORDER BY Service
