-- Grain: window. Key: Window, from 1. Called by investigate.status: how a service did: visits, failed ones, own work.
SELECT
    arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
    count() AS Visits,
    countIf(Failed) AS Failed,
    quantileExact(0.5)(OwnNs) / 1e6 AS Half,
    quantileExact(0.95)(OwnNs) / 1e6 AS Tail
FROM service_visits
WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
    AND Window > 0 AND Service = {service:String}
GROUP BY Window
ORDER BY Window
