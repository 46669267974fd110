-- Grain: a trace with its baseline. Key: TraceId. Called by detection.anomaly_scores and, over the traces that it learned from, by
-- detection.normal_centroid (own = 1: each trace is judged as if it had not been learned from). From anomaly_scores__judged, into a staging table.
-- Statistics: conduct: -log10 of the share of visits (by the same entry to the same service) that went like the rarest one of the trace;
-- structure, errors, templates: -log10 of the share of the operation's traces that show the rarest thing that this one shows;
-- latency: -log10 of the share of calls that take as long or longer, of the most unusual own work or gap (an exponential tail in ln of time), as if the
-- trace had a hundred of them: of many, one is soon unusual.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH
    work AS
    (
        SELECT BaselineVersion, RootService, RootOperation, Environment, Service, Operation, Center, High, Scale
        FROM {model:Identifier}
        ARRAY JOIN Work.Service AS Service, Work.Operation AS Operation, Work.Center AS Center, Work.High AS High,
            Work.Scale AS Scale, Work.Traces AS Seen
        WHERE Seen >= 10
    ),
    gaps AS
    (
        SELECT BaselineVersion, RootService, RootOperation, Environment, Caller, Callee, Center, High, Scale
        FROM {model:Identifier}
        ARRAY JOIN Gap.Caller AS Caller, Gap.Callee AS Callee, Gap.Center AS Center, Gap.High AS High, Gap.Scale AS Scale, Gap.Traces AS Seen
        WHERE Seen >= 10
    ),
    errors AS
    (
        SELECT BaselineVersion, RootService, RootOperation, Environment, Key, N
        FROM {model:Identifier}
        ARRAY JOIN Error.Key AS Key, Error.Count AS N
    ),
    templates AS
    (
        SELECT BaselineVersion, RootService, RootOperation, Environment, Key, N
        FROM {model:Identifier}
        ARRAY JOIN Template.Key AS Key, Template.Count AS N
    ),
    slow AS
    (
        SELECT
            t.TraceId AS TraceId,
            log(t.Ns / t.Calls + t.Pad) AS X,
            if(X > w.High, 1 + (X - w.High) / w.Scale, greatest(0, (X - w.Center) / greatest(w.High - w.Center, 0.001))) AS Statistic,
            (if(t.Operation = '', 'duration', 'latency'), t.Service, if(t.Operation = '', t.RootOperation, t.Operation),
                if(t.Operation = '', 'slow: the whole, ms', 'slow: own time a call, ms'), t.Ns / t.Calls / 1e6, (exp(w.Center) - t.Pad) / 1e6, Statistic) AS Evidence
        FROM
        (
            SELECT TraceId, Version, Pad, RootService, RootOperation, Environment, Service, Operation, Ns, Calls
            FROM {judged:Identifier}
            ARRAY JOIN
                arrayPushBack(Self.Service, RootService) AS Service, arrayPushBack(Self.Operation, '') AS Operation,
                arrayPushBack(Self.Ns, Duration) AS Ns, arrayPushBack(Self.Calls, 1) AS Calls
        ) AS t
        INNER JOIN work AS w
            ON t.Version = w.BaselineVersion AND t.RootService = w.RootService AND t.RootOperation = w.RootOperation AND t.Environment = w.Environment
            AND t.Service = w.Service AND t.Operation = w.Operation
        UNION ALL
        SELECT
            t.TraceId AS TraceId,
            log(t.GapNs / t.Calls + t.Pad) AS X,
            if(X > g.High, 1 + (X - g.High) / g.Scale, greatest(0, (X - g.Center) / greatest(g.High - g.Center, 0.001))) AS Statistic,
            ('network', t.Callee, t.Caller, 'slow call: time between caller and callee, ms', t.GapNs / t.Calls / 1e6, (exp(g.Center) - t.Pad) / 1e6, Statistic)
                AS Evidence
        FROM
        (
            SELECT TraceId, Version, Pad, RootService, RootOperation, Environment, Caller, Callee, sum(Gap) AS GapNs, sum(N) AS Calls
            FROM {judged:Identifier}
            ARRAY JOIN Edge.Caller AS Caller, Edge.Callee AS Callee, Edge.GapNs AS Gap, Edge.Calls AS N
            GROUP BY TraceId, Version, Pad, RootService, RootOperation, Environment, Caller, Callee
        ) AS t
        INNER JOIN gaps AS g
            ON t.Version = g.BaselineVersion AND t.RootService = g.RootService AND t.RootOperation = g.RootOperation AND t.Environment = g.Environment
            AND t.Caller = g.Caller AND t.Callee = g.Callee
    ),
    failed AS
    (
        SELECT
            t.TraceId AS TraceId,
            (greatest(toInt64(e.N) - {own:UInt8}, 0) + 0.5) / (t.N - {own:UInt8} + 1) AS Share,
            -log10(Share) AS Statistic,
            ('error', if(t.GaveUp, t.Peer, t.Service), t.Operation, t.What, toFloat64(t.Count), Share, Statistic) AS Evidence
        FROM
        (
            SELECT TraceId, Version, N, RootService, RootOperation, Environment, Service, Operation, Type, Count, Peer,
                Peer != '' AND arrayExists((a, b, o) -> o > 0 AND a = Service AND b = Peer, Edge.Caller, Edge.Callee, Edge.Outlived) AS GaveUp,
                concat(
                    multiIf(GaveUp, concat(Service, ' gave up waiting: '), Origin, 'error begins here: ', 'error passes through: '),
                    Type, if(Message = '', '', ': '), Message
                ) AS What
            FROM {judged:Identifier}
            ARRAY JOIN Error.Service AS Service, Error.Operation AS Operation, Error.Type AS Type, Error.Message AS Message,
                Error.Count AS Count, Error.Origin AS Origin, Error.Peer AS Peer
            WHERE N > 0
        ) AS t
        LEFT JOIN errors AS e
            ON t.Version = e.BaselineVersion AND t.RootService = e.RootService AND t.RootOperation = e.RootOperation AND t.Environment = e.Environment
            AND cityHash64(t.Service, t.Operation, t.Type) = e.Key
    ),
    logged AS
    (
        SELECT
            t.TraceId AS TraceId,
            (greatest(toInt64(k.N) - {own:UInt8}, 0) + 0.5) / (t.N - {own:UInt8} + 1) AS Share,
            -log10(Share) + multiIf(t.Severity >= 17, 1., t.Severity >= 13, 0.5, 0.) AS Statistic,
            ('template', t.Service, '', toString(t.Template), toFloat64(t.Count), Share, Statistic) AS Evidence
        FROM
        (
            SELECT TraceId, Version, N, RootService, RootOperation, Environment, Service, Template, Severity, Count
            FROM {judged:Identifier}
            ARRAY JOIN Template.Service AS Service, Template.Id AS Template, Template.Severity AS Severity, Template.Count AS Count
            WHERE N > 0
        ) AS t
        LEFT JOIN templates AS k
            ON t.Version = k.BaselineVersion AND t.RootService = k.RootService AND t.RootOperation = k.RootOperation AND t.Environment = k.Environment
            AND cityHash64(t.Service, t.Template) = k.Key
    ),
    acted AS
    (
        SELECT
            t.TraceId AS TraceId,
            (greatest(toInt64(k.Visits) - {own:UInt8}, 0) + 0.5) / (e.OfEntry - {own:UInt8} + 1) AS Share,
            -log10(Share) AS Statistic,
            ('conduct', t.Service, t.Entries[1], 'log lines and errors unlike those of its usual visits', 1., Share, Statistic) AS Evidence
        FROM
        (
            SELECT
                TraceId,
                Version,
                Environment,
                Service,
                otel_pipeline_entries_v1(Service, Edge.Operation, Edge.Callee, RootService, RootOperation) AS Entries,
                otel_pipeline_conduct_v1(
                    Service, Template.Id, Template.Service, Template.Count, arrayZip(Error.Operation, Error.Type, Error.Origin), Error.Service
                ) AS Conduct
            FROM {judged:Identifier}
            ARRAY JOIN Services AS Service
            WHERE N > 0
        ) AS t
        INNER JOIN (SELECT DISTINCT BaselineVersion, Service, Entry, OfEntry FROM {conduct:Identifier}) AS e
            ON t.Version = e.BaselineVersion AND t.Service = e.Service AND cityHash64(t.Entries, t.Environment) = e.Entry
        LEFT JOIN {conduct:Identifier} AS k
            ON t.Version = k.BaselineVersion AND t.Service = k.Service AND cityHash64(t.Entries, t.Environment) = k.Entry AND t.Conduct = k.Conduct
    )
SELECT
    j.TraceId AS TraceId,
    j.Version AS Version,
    j.N AS N,
    j.EmbeddingModel AS EmbeddingModel,
    if(N = 0, 0, -log10((greatest(toInt64(j.ShapeCount) - {own:UInt8}, 0) + 0.5) / (j.N - {own:UInt8} + 1))) AS Structure,
    greatest(s.Statistic, 0) AS Latency,
    f.Statistic AS Errors,
    l.Statistic AS Templates,
    j.ShapeCount AS ShapeCount,
    empty(j.Template.Id) AS Silent,
    a.Statistic AS Conduct,
    a.Top AS Acted,
    s.Top AS Slow,
    f.Top AS Failed,
    l.Top AS Logged
FROM {judged:Identifier} AS j
LEFT JOIN
(
    SELECT
        TraceId,
        log10(100 / count()) AS Fewer,
        max(Statistic) + Fewer AS Statistic,
        arrayMap(
            e -> (e.1, e.2, e.3, e.4, e.5, e.6, e.7 + Fewer),
            arrayReverseSort(e -> e.7, groupArraySortedIf(4)((-(Evidence.7), Evidence), Evidence.7 > 1).2)
        ) AS Top
    FROM slow
    GROUP BY TraceId
) AS s ON j.TraceId = s.TraceId
LEFT JOIN (SELECT TraceId, max(Statistic) AS Statistic, arraySlice(arrayReverseSort(e -> e.7, groupArray(Evidence)), 1, 3) AS Top FROM acted GROUP BY TraceId) AS a
    ON j.TraceId = a.TraceId
LEFT JOIN (SELECT TraceId, max(Statistic) AS Statistic, arraySlice(arrayReverseSort(e -> e.7, groupArray(Evidence)), 1, 6) AS Top FROM failed GROUP BY TraceId) AS f
    ON j.TraceId = f.TraceId
LEFT JOIN (SELECT TraceId, max(Statistic) AS Statistic, arraySlice(arrayReverseSort(e -> e.7, groupArray(Evidence)), 1, 4) AS Top FROM logged GROUP BY TraceId) AS l
    ON j.TraceId = l.TraceId
