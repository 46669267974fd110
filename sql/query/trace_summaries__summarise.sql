-- Grain: a trace that begins in the hour. Key: TraceId. Called by detection.trace_summaries as its last step, into a staging table of the form of trace_summaries.
-- A trace begins when its root does, by the root's clock. Its root is the span that nobody called; where the caller does not report, the span that serves.
-- A trace is complete when all that nobody in it called are such spans: one that only its own process can have called has lost a part. A
-- caller may come late: until a minute after the end of a trace without it, the trace is not complete, and due to be looked at again.
INSERT INTO {stage:Identifier}
    (Hour, Timestamp, TraceId, RootService, RootOperation, RootKind, Environment, Complete, DueAt, Duration, SpanCount, ErrorCount, span_sequence, Shape, ShapeHash,
    Services, `Self.Service`, `Self.Operation`, `Self.Calls`, `Self.Ns`,
    `Edge.Caller`, `Edge.Callee`, `Edge.Operation`, `Edge.Calls`, `Edge.GapNs`, `Edge.Outlived`,
    `Error.Service`, `Error.Operation`, `Error.Type`, `Error.Message`, `Error.Count`, `Error.Origin`, `Error.Peer`,
    `Template.Id`, `Template.Service`, `Template.Severity`, `Template.Count`, Retries, Versions, CodeVersion, WrittenAt)
WITH
    (SELECT fromUnixTimestamp64Nano(max(End)) FROM {own:Identifier} WHERE TraceId IN (SELECT TraceId FROM {far:Identifier})) AS FarEnd,
    work AS
    (
        SELECT Trace, arraySort(groupArray((Service, Operation, toUInt32(N), Ns))) AS Selves
        FROM
        (
            SELECT Trace, Service, Operation, sum(Works) AS N, toUInt64(sum(Work)) AS Ns
            FROM {calls:Identifier}
            GROUP BY Trace, Service, Operation
            HAVING N > 0
        )
        GROUP BY Trace
    ),
    shapes AS
    (
        SELECT
            Trace,
            arrayStringConcat(arraySort(groupArray(concat(
                if(NOT HasParent, '', concat(ParentService, ':', ParentOperation, ' > ')), Service, ':', Operation, if(Calls > Parents, ' xN', '')
            ))), '\n') AS Shape,
            groupArrayIf((ParentService, Service, Operation, toUInt32(Calls), toUInt64(Gap), toUInt32(Outlived)), Crosses) AS Edges,
            sumIf(Calls - Parents, Failures > 0) AS Retries
        FROM {calls:Identifier}
        GROUP BY Trace
    ),
    linked AS
    (
        SELECT Trace, groupArray((Caller, Callee, Operation, toUInt32(Calls), toUInt64(Gap), toUInt32(0))) AS Edges
        FROM {waits:Identifier}
        GROUP BY Trace
    ),
    errors AS
    (
        SELECT Trace, arraySort(groupArray((Service, Operation, ErrorType, ErrorMessage, toUInt32(N), Origin, PeerService))) AS Errors
        FROM
        (
            SELECT Trace, Service, Operation, ErrorType, ErrorMessage, Origin, PeerService, count() AS N
            FROM {own:Identifier}
            WHERE Failed
            GROUP BY Trace, Service, Operation, ErrorType, ErrorMessage, Origin, PeerService
        )
        GROUP BY Trace
    ),
    templates AS
    (
        SELECT Trace, arraySort(groupArray((Template, Service, Severity, toUInt32(N)))) AS Templates
        FROM
        (
            SELECT
                l.Trace AS Trace,
                if(m.TemplateId = 0, l.MaskHash, m.TemplateId) AS Template,
                l.Service AS Service,
                max(l.Severity) AS Severity,
                count() AS N
            FROM
            (
                SELECT
                    cityHash64(TraceId) AS Trace,
                    cityHash64(otel_pipeline_mask_v1(Body)) AS MaskHash,
                    ServiceName AS Service,
                    otel_pipeline_severity_number_v1(SeverityText, SeverityNumber) AS Severity
                FROM
                (
                    SELECT Timestamp, TraceId, SpanId, Body, ServiceName, SeverityNumber, SeverityText
                    FROM otel_logs
                    WHERE Timestamp >= {start:DateTime64(9)} - INTERVAL 15 MINUTE AND Timestamp < {end:DateTime64(9)} + INTERVAL 15 MINUTE
                        AND TraceId != '' AND TraceId IN (SELECT TraceId FROM {own:Identifier})
                    UNION ALL
                    SELECT Timestamp, TraceId, SpanId, Body, ServiceName, SeverityNumber, SeverityText
                    FROM otel_logs
                    WHERE Timestamp >= {since:DateTime64(9)} AND Timestamp < FarEnd + INTERVAL 1 MINUTE
                        AND (Timestamp < {start:DateTime64(9)} - INTERVAL 15 MINUTE OR Timestamp >= {end:DateTime64(9)} + INTERVAL 15 MINUTE)
                        AND TraceId IN (SELECT TraceId FROM {far:Identifier})
                )
                -- A sender may repeat what it has delivered; where the clock is coarse, and no span told, a program may well say the same again.
                LIMIT 1 BY cityHash64(TraceId, Timestamp, SpanId, ServiceName, Body), if(toUnixTimestamp64Nano(Timestamp) % 1000000 = 0 AND SpanId = '', rowNumberInAllBlocks(), 0)
            ) AS l
            LEFT ANY JOIN log_template_masks AS m ON l.MaskHash = m.MaskHash
            GROUP BY Trace, Template, Service
        )
        GROUP BY Trace
    ),
    traces AS
    (
        SELECT
            Trace,
            any(TraceId) AS TraceId,
            max(End) AS Finish,
            argMinIf( -- to compare is dear: spans that somebody called only where all are
                (Service, Operation, End - Start, Kind, Start, Environment), (HasParent, Parent != 0, Kind NOT IN ('Server', 'Consumer'), Start, Span),
                NOT HasParent OR Trace NOT IN (SELECT Trace FROM {own:Identifier} WHERE NOT HasParent)
            ) AS Root,
            countIf(NOT HasParent) AS Tops,
            countIf(NOT HasParent AND Parent != 0) AS Orphans,
            multiIf(
                Tops <= 1, Tops = 1,
                countIf(Kind IN ('Server', 'Consumer', 'Client', 'Producer')) > 0,
                    countIf(NOT HasParent AND Parent != 0 AND Kind NOT IN ('Server', 'Consumer')) = 0,
                Tops = uniqExactIf(Service, NOT HasParent)
            ) AS Whole,
            if(
                Orphans > 0 AND abs(Finish - toUnixTimestamp64Nano({now:DateTime64(9)})) < 60000000000,
                toDateTime(intDiv(Finish, 1000000000) + 61),
                toDateTime(0)
            ) AS Due,
            Root.4 = 'Internal' AND countIf(Crosses AND Kind = 'Server') > 0 AS Asks,
            count() AS SpanCount,
            countIf(Failed) AS ErrorCount,
            arrayStringConcat(arrayCompact(arrayMap(
                s -> s.3, arraySlice(arraySort(groupArray((Start, Span, concat(Service, ':', Operation)))), 1, 500)
            )), ' -> ') AS Sequence,
            arraySort(groupUniqArray(Service)) AS Services,
            arraySort(groupUniqArrayIf((Service, Version), Version != '')) AS Versions
        FROM {own:Identifier}
        GROUP BY Trace
    )
SELECT
    toStartOfHour(toDateTime(intDiv(t.Root.5, 1000000000))) AS Hour,
    fromUnixTimestamp64Nano(t.Root.5) AS Timestamp,
    t.TraceId,
    t.Root.1,
    t.Root.2,
    if(t.Asks, 'Request', t.Root.4),
    t.Root.6,
    t.Whole AND t.Due = toDateTime(0),
    t.Due,
    toUInt64(t.Root.3),
    t.SpanCount,
    t.ErrorCount,
    t.Sequence,
    s.Shape,
    cityHash64(s.Shape),
    t.Services,
    w.Selves.1,
    w.Selves.2,
    w.Selves.3,
    w.Selves.4,
    (arraySort(arrayConcat(s.Edges, k.Edges)) AS Edges).1,
    Edges.2,
    Edges.3,
    Edges.4,
    Edges.5,
    Edges.6,
    e.Errors.1,
    e.Errors.2,
    e.Errors.3,
    e.Errors.4,
    e.Errors.5,
    e.Errors.6,
    e.Errors.7,
    l.Templates.1,
    l.Templates.2,
    l.Templates.3,
    l.Templates.4,
    s.Retries,
    mapFromArrays(t.Versions.1, t.Versions.2),
    {code_version:String},
    now64(3)
FROM traces AS t
LEFT ANY JOIN shapes AS s ON t.Trace = s.Trace
LEFT ANY JOIN work AS w ON t.Trace = w.Trace
LEFT ANY JOIN linked AS k ON t.Trace = k.Trace
LEFT ANY JOIN errors AS e ON t.Trace = e.Trace
LEFT ANY JOIN templates AS l ON t.Trace = l.Trace
WHERE Hour = toDateTime({start:DateTime64(9)})
