-- Grain: a recorded rrweb event. Key: (SessionId, Timestamp, SequenceNumber). Its chunks in hyperdx_sessions put together again.
CREATE OR REPLACE VIEW session_replay_events ${ON_CLUSTER}
(
    SessionId String COMMENT 'Session',
    Timestamp DateTime64(9) COMMENT 'When it happened in the browser',
    SequenceNumber UInt64 COMMENT 'Number of the event on its page',
    EventType String COMMENT 'dom, mouse, scroll, input, viewport, meta, custom, plugin, or other',
    EventData String COMMENT 'The rrweb event as JSON; cut short while Complete is 0',
    Complete UInt8 COMMENT 'Whether all its chunks have arrived'
)
AS
SELECT
    SessionId,
    Timestamp,
    SequenceNumber,
    multiIf(
        NOT Complete, 'other',
        type IN (0, 1, 2) OR (type = 3 AND source = 0), 'dom',
        type = 3 AND source IN (1, 2, 6, 12), 'mouse',
        type = 3 AND source = 3, 'scroll',
        type = 3 AND source = 4, 'viewport',
        type = 3 AND source = 5, 'input',
        type = 4, 'meta',
        type = 5, 'custom',
        type = 6, 'plugin',
        'other') AS EventType,
    EventData,
    Complete
FROM
(
    SELECT
        SessionId,
        Timestamp,
        SequenceNumber,
        arrayStringConcat(arrayMap(chunk -> chunk.2, arraySort(chunk -> chunk.1, groupArray((number, Body))))) AS EventData,
        toUInt8(uniqExact(number) >= max(chunks)) AS Complete,
        JSONExtractInt(EventData, 'type') AS type,
        JSONExtractInt(EventData, 'data', 'source') AS source
    FROM
    (
        SELECT
            if(ResourceAttributes['rum.sessionId'] != '', ResourceAttributes['rum.sessionId'], ResourceAttributes['session.id']) AS SessionId,
            Timestamp,
            toUInt64OrZero(LogAttributes['rr-web.event']) AS SequenceNumber,
            toUInt32OrZero(LogAttributes['rr-web.chunk']) AS number,
            toUInt32OrZero(LogAttributes['rr-web.total-chunks']) AS chunks,
            Body
        FROM hyperdx_sessions
    )
    GROUP BY SessionId, Timestamp, SequenceNumber
)
