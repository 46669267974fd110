-- Grain: a span, log record or recorded event that belongs to a browser session. Key: none. What otel_sessions is made of; filter by
-- Timestamp for speed. Sessions are named by rum.sessionId (HyperDX's browser SDK) or session.id (semantic conventions).
CREATE OR REPLACE VIEW session_signals ${ON_CLUSTER}
(
    SessionId String COMMENT 'Session',
    Timestamp DateTime64(9) COMMENT 'When',
    Until DateTime64(9) COMMENT 'When it ended',
    Type String COMMENT 'page, error, recording, or other',
    Name String COMMENT 'Span name, event name, or log message',
    TraceId String COMMENT 'Trace, hex, or empty',
    ServiceName String COMMENT 'Browser application',
    Attributes Map(String, String) COMMENT 'Attributes of the resource and, over them, of the signal'
)
AS
WITH attributes['rum.sessionId'] AS rum_session, attributes['session.id'] AS session
SELECT if(rum_session != '', rum_session, session) AS SessionId, Timestamp, Until, Type, Name, TraceId, ServiceName, attributes AS Attributes
FROM
(
    SELECT
        Timestamp,
        addNanoseconds(Timestamp, Duration) AS Until,
        multiIf(
            StatusCode IN ('Error', 'STATUS_CODE_ERROR') OR SpanAttributes['component'] = 'error' OR SpanAttributes['error'] = 'true', 'error',
            SpanName IN ('documentLoad', 'routeChange'), 'page',
            'other') AS Type,
        SpanName AS Name,
        TraceId,
        ServiceName,
        mapUpdate(ResourceAttributes::Map(String, String), SpanAttributes::Map(String, String)) AS attributes
    FROM otel_traces
    WHERE mapContains(ResourceAttributes, 'rum.sessionId') OR mapContains(ResourceAttributes, 'session.id') OR mapContains(SpanAttributes, 'session.id')
    UNION ALL
    SELECT
        Timestamp,
        Timestamp AS Until,
        multiIf(SeverityNumber >= 17 OR lower(SeverityText) IN ('error', 'fatal'), 'error', EventName IN ('browser.page_view', 'page_view'), 'page', 'other') AS Type,
        if(EventName != '', EventName, Body) AS Name,
        TraceId,
        ServiceName,
        mapUpdate(ResourceAttributes::Map(String, String), LogAttributes::Map(String, String)) AS attributes
    FROM otel_logs
    WHERE mapContains(ResourceAttributes, 'rum.sessionId') OR mapContains(ResourceAttributes, 'session.id') OR mapContains(LogAttributes, 'session.id')
    UNION ALL
    SELECT
        Timestamp,
        Timestamp AS Until,
        'recording' AS Type,
        '' AS Name,
        '' AS TraceId,
        ServiceName,
        mapUpdate(ResourceAttributes::Map(String, String), LogAttributes::Map(String, String)) AS attributes
    FROM hyperdx_sessions
)
WHERE SessionId != ''
