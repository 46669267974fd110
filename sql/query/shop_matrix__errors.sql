-- Grain: service × route × status × cause. Key: the same. Called by load.shop_matrix: what went wrong where, and how often.
-- The cause of an answer of the service's own choice (4xx) has a name; that of a failure (5xx) is its exception.
WITH
    arrayFilter(kind -> kind != '', arrayMap(event -> event['exception.type'], Events.Attributes)) AS Raised,
    arrayElement(splitByChar('.', Raised[-1]), -1) AS Exception
SELECT
    ServiceName,
    SpanName AS Route,
    SpanAttributes['http.response.status_code'] AS Status,
    if(Exception != '', Exception, SpanAttributes['error.type']) AS Cause,
    count() AS Requests
FROM otel_traces
WHERE Timestamp >= {start:DateTime64(3)} AND SpanKind = 'Server' AND ServiceName IN {services:Array(String)}
    AND toUInt16OrZero(SpanAttributes['http.response.status_code']) >= 400
GROUP BY ServiceName, Route, Status, Cause
ORDER BY ServiceName, Route, Status, Cause
