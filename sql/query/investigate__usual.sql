-- Grain: service. Key: Service. Called by investigate.onsets: visits and failed ones in some windows.
SELECT Service, count() AS Visits, countIf(Failed) AS Failed
FROM service_visits
WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
    AND arrayExists((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})
GROUP BY Service
ORDER BY Service
