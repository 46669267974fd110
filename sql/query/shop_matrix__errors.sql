-- Grain: route × status × reason. Key: the same. Called by load.shop_matrix: what went wrong at the storefront, and how often.
SELECT
    SpanName AS Route,
    SpanAttributes['http.response.status_code'] AS Status,
    SpanAttributes['error.type'] AS Reason,
    count() AS Requests
FROM otel_traces
WHERE Timestamp >= {start:DateTime64(3)} AND ServiceName = 'storefront' AND SpanKind = 'Server'
    AND toUInt16OrZero(SpanAttributes['http.response.status_code']) >= 400
GROUP BY Route, Status, Reason
ORDER BY Route, Status, Reason
