-- Grain: operation by which a service is entered × piece of time: 0 is the window, further ones are quiet times as long as it. Key: (Operation, Piece).
-- Called by investigate.status: requests, failed ones, quantiles .5, .95 and .99 of the whole duration and of the service's own work in milliseconds.
WITH
    calls AS
    (
        SELECT
            toString(ServiceName) AS Service, toString(SpanName) AS Operation, s.Timestamp AS At, Duration / 1e6 AS Whole, v.Own AS Own,
            otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`) AS Failed,
            if(At >= {start:DateTime64(3)}, 0, 1 + intDiv(date_diff('millisecond', At, {start:DateTime64(3)}), greatest(1, date_diff('millisecond', {start:DateTime64(3)}, {end:DateTime64(3)})))) AS Piece
        FROM otel_traces AS s
        LEFT ANY JOIN
        (
            SELECT TraceId, OwnNs / Calls / 1e6 AS Own
            FROM service_visits
            WHERE Hour IN {hours:Array(DateTime)} AND Service = {service:String} AND length(Entries) = 1
        ) AS v ON s.TraceId = v.TraceId
        WHERE ServiceName = {service:String} AND otel_pipeline_entry_v1(SpanKind, ParentSpanId)
            AND s.Timestamp >= arrayMin(arrayConcat([{start:DateTime64(3)}], {starts:Array(DateTime64(3))})) AND s.Timestamp < {end:DateTime64(3)} AND ((At >= {start:DateTime64(3)} AND At < {end:DateTime64(3)}) OR arrayExists((a, b) -> At >= a AND At < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}))
        -- What a sender repeats counts once.
        LIMIT 1 BY s.TraceId, s.SpanId
    ),
    usual AS (SELECT Operation, quantileExact(0.99)(Whole) AS Far, count() AS Known FROM calls WHERE Piece > 0 GROUP BY Operation)
SELECT
    Service, Operation, Piece, sum(N) AS Requests, sum(F) AS Failures,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(WholeState) AS WholeMs,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(OwnState) AS OwnMs,
    -- Single minutes of the window: requests, failed ones, ones slower than 99 of 100 in quiet times, and their median.
    arraySort(groupArrayIf((Minute, toUInt64(N), toUInt64(F), toUInt64(Slow), SlowMs), Piece = 0)) AS ByMinute
FROM
(
    SELECT
        Service, Operation, Piece, if(Piece = 0, toStartOfMinute(At), toDateTime(0)) AS Minute,
        count() AS N, countIf(Failed) AS F, countIf(u.Known >= 50 AND Whole > 1.2 * u.Far + 1) AS Slow,
        ifNotFinite(quantileIf(0.5)(Whole, u.Known >= 50 AND Whole > 1.2 * u.Far + 1), 0) AS SlowMs,
        quantilesTDigestState(0.5, 0.95, 0.99)(Whole) AS WholeState, quantilesTDigestState(0.5, 0.95, 0.99)(Own) AS OwnState
    FROM calls AS c
    LEFT JOIN usual AS u ON c.Operation = u.Operation
    GROUP BY Service, Operation, Piece, Minute
)
GROUP BY Service, Operation, Piece
ORDER BY Service, Operation, Piece
LIMIT 600
