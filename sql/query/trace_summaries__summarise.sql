-- Grain: a trace. Key: TraceId. Called by detection.trace_summaries as its last step, into a staging table of the form of trace_summaries.
INSERT INTO {stage:Identifier}
WITH
    calls AS
    (
        SELECT
            Trace,
            ParentService,
            ParentOperation,
            Service,
            Operation,
            Crosses,
            count() AS Calls,
            if(HasParent, uniqExact(Parent), 1) AS Parents,
            countIf(NOT Wire) AS Works,
            sumIf(Own, NOT Wire) AS Work,
            sumIf(greatest(ParentDuration - (End - Start), 0), Crosses AND NOT ParentServes) AS Gap,
            countIf(Outlives) AS Outlived,
            countIf(Failed) AS Failures
        FROM {own:Identifier}
        GROUP BY Trace, ParentService, ParentOperation, HasParent, Service, Operation, Crosses
    ),
    work AS
    (
        SELECT Trace, groupArray(Service) AS Services, groupArray(Operation) AS Operations, groupArray(toUInt32(N)) AS Calls, groupArray(Ns) AS Ns
        FROM
        (
            SELECT Trace, Service, Operation, sum(Works) AS N, toUInt64(sum(Work)) AS Ns
            FROM calls
            GROUP BY Trace, Service, Operation
            HAVING N > 0
            ORDER BY Trace, Service, Operation
        )
        GROUP BY Trace
    ),
    shapes AS
    (
        SELECT
            Trace,
            arrayStringConcat(arraySort(groupArray(concat(
                if(ParentService = '', '', concat(ParentService, ':', ParentOperation, ' > ')), Service, ':', Operation, if(Calls > Parents, ' xN', '')
            ))), '\n') AS Shape,
            arraySort(groupArrayIf((ParentService, Service, Operation, toUInt32(Calls), toUInt64(Gap), toUInt32(Outlived)), Crosses)) AS Edges,
            sumIf(Calls - Parents, Failures > 0) AS Retries
        FROM calls
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
                FROM otel_logs
                WHERE TraceId != ''
                    AND Timestamp >= {start:DateTime64(9)} - INTERVAL 15 MINUTE
                    AND Timestamp < {end:DateTime64(9)} + INTERVAL 15 MINUTE
                    AND TraceId IN (SELECT TraceId FROM {own:Identifier})
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
            min(Start) AS Begin,
            max(End) AS Finish,
            countIf(Parent = 0) = 1 AND countIf(NOT HasParent) = 1 AS Complete,
            argMin((Service, Operation, End - Start, Kind), (Parent != 0, HasParent, Start, Span)) AS Root,
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
    toStartOfHour(toDateTime(intDiv(t.Begin, 1000000000))) AS Hour,
    fromUnixTimestamp64Nano(t.Begin) AS Timestamp,
    t.TraceId,
    t.Root.1,
    t.Root.2,
    t.Root.4,
    t.Complete,
    toUInt64(if(t.Complete, t.Root.3, t.Finish - t.Begin)),
    t.SpanCount,
    t.ErrorCount,
    t.Sequence,
    s.Shape,
    cityHash64(s.Shape),
    t.Services,
    w.Services,
    w.Operations,
    w.Calls,
    w.Ns,
    s.Edges.1,
    s.Edges.2,
    s.Edges.3,
    s.Edges.4,
    s.Edges.5,
    s.Edges.6,
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
LEFT ANY JOIN errors AS e ON t.Trace = e.Trace
LEFT ANY JOIN templates AS l ON t.Trace = l.Trace
