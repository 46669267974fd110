-- Grain: a browser session. Key: SessionId. Derived from the raw tables whenever it is read; the names are those of the original plan.
CREATE OR REPLACE VIEW otel_sessions ${ON_CLUSTER}
(
    SessionId String COMMENT 'Session',
    UserId String COMMENT 'user.id, or what the browser SDK calls the user (userId, userEmail, userName)',
    ServiceName String COMMENT 'Browser application',
    StartTime DateTime64(9) COMMENT 'First signal',
    EndTime DateTime64(9) COMMENT 'End of the last one',
    Duration Int64 COMMENT 'Milliseconds between them',
    UserAgent String COMMENT 'User agent as the browser sent it',
    DeviceType String COMMENT 'desktop, mobile, tablet, or empty',
    OS String COMMENT 'Operating system, from the user agent',
    Browser String COMMENT 'Browser, from the user agent',
    Country String COMMENT 'geo.country.iso_code, if something set it',
    City String COMMENT 'geo.locality.name, if something set it',
    PageViews UInt64 COMMENT 'Pages loaded and routes changed',
    ErrorCount UInt64 COMMENT 'Failed spans and error log records',
    RecordedEvents UInt64 COMMENT 'Recorded rrweb events (chunks)',
    TraceIds Array(String) COMMENT 'Traces that the session began, at most 1000',
    `Events.Timestamp` Array(DateTime64(9)) COMMENT 'When each page view and error was, in order, at most 1000',
    `Events.Type` Array(String) COMMENT 'page or error',
    `Events.Name` Array(String) COMMENT 'What it was'
)
AS
SELECT
    SessionId,
    UserId,
    ServiceName,
    StartTime,
    EndTime,
    dateDiff('millisecond', StartTime, EndTime) AS Duration,
    UserAgent,
    multiIf(match(UserAgent, 'iPad|Tablet'), 'tablet', match(UserAgent, 'Mobi|Android|iPhone'), 'mobile', UserAgent != '', 'desktop', '') AS DeviceType,
    multiIf(match(UserAgent, 'Android'), 'Android', match(UserAgent, 'iPhone|iPad'), 'iOS', match(UserAgent, 'Windows'), 'Windows',
            match(UserAgent, 'Mac OS X'), 'macOS', match(UserAgent, 'CrOS'), 'ChromeOS', match(UserAgent, 'Linux|X11'), 'Linux', '') AS OS,
    multiIf(match(UserAgent, 'Edg/'), 'Edge', match(UserAgent, 'OPR/'), 'Opera', match(UserAgent, 'Firefox/'), 'Firefox',
            match(UserAgent, 'Chrom(e|ium)/'), 'Chrome', match(UserAgent, 'Safari/'), 'Safari', '') AS Browser,
    Country,
    City,
    PageViews,
    ErrorCount,
    RecordedEvents,
    TraceIds,
    arrayMap(event -> event.1, events) AS `Events.Timestamp`,
    arrayMap(event -> event.2, events) AS `Events.Type`,
    arrayMap(event -> event.3, events) AS `Events.Name`
FROM
(
    SELECT
        SessionId,
        anyIf(user, user != '') AS UserId,
        anyIf(ServiceName, ServiceName != '') AS ServiceName,
        min(Timestamp) AS StartTime,
        max(Until) AS EndTime,
        anyIf(agent, agent != '') AS UserAgent,
        anyIf(Attributes['geo.country.iso_code'], Attributes['geo.country.iso_code'] != '') AS Country,
        anyIf(Attributes['geo.locality.name'], Attributes['geo.locality.name'] != '') AS City,
        countIf(Type = 'page') AS PageViews,
        countIf(Type = 'error') AS ErrorCount,
        countIf(Type = 'recording') AS RecordedEvents,
        groupUniqArrayIf(1000)(TraceId, TraceId != '') AS TraceIds,
        arraySort(groupArrayIf(1000)((Timestamp, Type, Name), Type IN ('page', 'error'))) AS events
    FROM
    (
        SELECT
            *,
            arrayFirst(value -> value != '', [Attributes['user.id'], Attributes['enduser.id'], Attributes['userId'], Attributes['userEmail'], Attributes['userName']]) AS user,
            arrayFirst(value -> value != '', [Attributes['user_agent.original'], Attributes['http.user_agent'], Attributes['browser.user_agent']]) AS agent
        FROM session_signals
    )
    GROUP BY SessionId
)
