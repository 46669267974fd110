-- Grain: service. Key: ServiceName. Called by load.shop_matrix: calls to other services for each request,
-- in the quiet from before to start and while the fault lasted, from start to end.
WITH
    SpanKind = 'Client' AND SpanAttributes['http.request.method'] != '' AS IsCall,
    SpanKind = 'Server' AS IsRequest,
    Timestamp < {start:DateTime64(3)} AS IsBefore
SELECT
    ServiceName,
    countIf(IsCall AND IsBefore) / greatest(1, countIf(IsRequest AND IsBefore)) AS Quiet,
    countIf(IsCall AND NOT IsBefore) / greatest(1, countIf(IsRequest AND NOT IsBefore)) AS During
FROM otel_traces
WHERE Timestamp >= {before:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
GROUP BY ServiceName
ORDER BY ServiceName
