-- Grain: a trace with its baseline. Key: TraceId. Called by detection.anomaly_scores and, over the traces that it learned from, by
-- detection.normal_centroid (own = 1: each trace is judged as if it had not been learned from). From anomaly_scores__judged, into a staging table.
-- Statistics, each of the most unusual thing that a trace shows:
-- latency: -log10 of the share of calls that take as long or longer, own work or time between caller and callee;
-- excess: ln of the nanoseconds, summed over the trace, beyond what is usual for each;
-- calls, conduct: -log10 of the share of visits (by the same entry to the same service) that behave as rarely or more rarely: where every visit is unlike
-- all others, being so says nothing. Conduct: with the log templates and errors together, or the errors alone;
-- structure, errors, templates: -log10 of the share of the operation's traces that show the same; among the reasons, not in the score.
-- What is odd counts more where many of the like were odd in the minute before (otel_pipeline_context_v2).
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH
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
    timed AS
    (
        SELECT
            t.TraceId AS TraceId,
            t.Due AS Due,
            t.Kind AS Kind,
            t.Ns AS Ns,
            log(t.Ns / t.Calls + 200000) AS X,
            otel_pipeline_time_surprise_v1(X, w.Traces, w.Tops, w.Ranks, w.Slope, w.SlopeWithout, {own:UInt8}) AS Alone,
            count() OVER minute AS Seen,
            countIf(Alone >= 1) OVER minute AS High,
            uniqExactIf(t.Second, Alone >= 1) OVER minute AS Seconds,
            Alone + if(Alone >= 0.5 AND t.Kind != 'whole', otel_pipeline_context_v2(High, Seen, Seconds), 0) AS Statistic,
            toUInt64(greatest(0, t.Ns - w.Bound)) AS Excess, -- whole numbers: their sum is the same in whatever order
            w.Bound AS Bound,
            (transform(t.Kind, ['network', 'whole'], ['network', 'duration'], 'latency'), t.Service, if(t.Kind = 'whole', t.RootOperation, t.Operation),
                transform(t.Kind, ['network', 'whole'], ['slow call: time between caller and callee, ms', 'slow: the whole, ms'], 'slow: own time a call, ms'),
                t.Ns / t.Calls / 1e6, (exp(w.Center) - 200000) / 1e6, Statistic, 2) AS Evidence,
            if(
                t.Kind = 'self' AND w.Traces >= 50 AND X < w.Least - 0.1,
                ('latency', t.Service, t.Operation, 'shorter than ever: own time a call, ms', t.Ns / t.Calls / 1e6, (exp(w.Center) - 200000) / 1e6, log10(w.Traces), 2),
                ('', '', '', '', 0., 0., 0., 0)
            ) AS Shorter
        FROM
        (
            SELECT TraceId, Due, Second, Version, RootService, RootOperation, Environment,
                Item.1 AS Kind, Item.2 AS Service, Item.3 AS Operation, Item.4 AS Ns, Item.5 AS Calls
            FROM {judged:Identifier}
            ARRAY JOIN arrayPushBack(
                arrayMap((s, o, ns, n) -> ('self', s, o, ns, n), Self.Service, Self.Operation, Self.Ns, Self.Calls),
                ('whole', RootService, '', Duration, toUInt32(1))
            ) AS Item
            WHERE N > 0
            UNION ALL
            SELECT TraceId, Due, Second, Version, RootService, RootOperation, Environment,
                'network' AS Kind, Callee AS Service, Caller AS Operation, sum(Gap) AS Ns, sum(Times) AS Calls
            FROM {judged:Identifier}
            ARRAY JOIN Edge.Caller AS Caller, Edge.Callee AS Callee, Edge.GapNs AS Gap, Edge.Calls AS Times
            WHERE N > 0
            GROUP BY TraceId, Due, Second, Version, RootService, RootOperation, Environment, Caller, Callee
        ) AS t
        INNER JOIN {times:Identifier} AS w
            ON t.Version = w.BaselineVersion AND t.RootService = w.RootService AND t.RootOperation = w.RootOperation AND t.Environment = w.Environment
            AND t.Kind = w.Kind AND t.Service = w.Service AND t.Operation = w.Operation
        WINDOW minute AS (PARTITION BY t.Kind, t.Service, t.Operation, t.Environment ORDER BY t.Second RANGE BETWEEN 60 PRECEDING AND 1 PRECEDING)
    ),
    failed AS
    (
        SELECT
            t.TraceId AS TraceId,
            (greatest(toInt64(e.N) - {own:UInt8}, 0) + 0.5) / (t.N - {own:UInt8} + 1) AS Share,
            -log10(Share) AS Statistic,
            ('error', if(t.GaveUp, t.Peer, t.Service), t.Operation, t.What, toFloat64(t.Count), Share, Statistic, 3) AS Evidence
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
            WHERE N > 0 AND Due
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
            ('template', t.Service, '', toString(t.Template), toFloat64(t.Count), Share, Statistic, 4) AS Evidence
        FROM
        (
            SELECT TraceId, Version, N, RootService, RootOperation, Environment, Service, Template, Severity, Count
            FROM {judged:Identifier}
            ARRAY JOIN Template.Service AS Service, Template.Id AS Template, Template.Severity AS Severity, Template.Count AS Count
            WHERE N > 0 AND Due
        ) AS t
        LEFT JOIN templates AS k
            ON t.Version = k.BaselineVersion AND t.RootService = k.RootService AND t.RootOperation = k.RootOperation AND t.Environment = k.Environment
            AND cityHash64(t.Service, t.Template) = k.Key
    ),
    visits AS
    (
        SELECT
            TraceId,
            Due,
            Second,
            Version,
            Service,
            otel_pipeline_entries_v1(Service, Edge.Operation, Edge.Callee, RootService, RootOperation) AS Entries,
            cityHash64(Entries, Environment) AS Entry,
            otel_pipeline_children_v1(
                Service, Entries, Self.Service, Self.Operation, Self.Calls, Edge.Caller, Edge.Callee, Edge.Operation, Edge.Calls
            ) AS Did,
            greatest(1, arraySum((s, n) -> if(s = Service, n, 0), Edge.Callee, Edge.Calls)) AS Times,
            arrayFilter((e, s) -> s = Service, arrayZip(Error.Operation, Error.Type), Error.Service) AS Errors,
            otel_pipeline_conduct_v1(
                Service, Template.Id, Template.Service, Template.Count, arrayZip(Error.Operation, Error.Type, Error.Origin), Error.Service
            ) AS Conduct
        FROM {judged:Identifier}
        ARRAY JOIN Services AS Service
        WHERE N > 0
    ),
    behaved AS
    (
        SELECT
            v.TraceId AS TraceId,
            v.Due AS Due,
            v.Second AS Second,
            v.Service AS Service,
            v.Entry AS Entry,
            v.Entries[1] AS Operation,
            if(v.Kind = 'calls', arrayMap(c -> (c.1, c.2 / v.Times), v.Did), []) AS Children,
            e.Children AS Usual,
            v.Kind AS Kind,
            toInt64(k.Visits) - {own:UInt8} AS Others,
            e.OfEntry - {own:UInt8} AS OfEntry,
            greatest(0, if(Others > 0, toInt64(k.Rarer), toInt64(e.Singles)) - {own:UInt8}) AS Rarer,
            if(OfEntry >= 10, -log10(least(1, (Rarer + 10 * greatest(e.Novel, Rarer / OfEntry)) / (OfEntry + 10))), 0) AS Alone
        FROM
        (
            SELECT *, Kind, Behavior
            FROM visits
            ARRAY JOIN ['calls', 'errors', 'conduct'] AS Kind,
                [otel_pipeline_calls_v1(Did, Times), cityHash64(arrayDistinct(Errors)), Conduct] AS Behavior
        ) AS v
        INNER JOIN (SELECT * FROM {behavior:Identifier} WHERE Behavior = 0) AS e
            ON v.Version = e.BaselineVersion AND v.Kind = e.Kind AND v.Service = e.Service AND v.Entry = e.Entry
        LEFT JOIN (SELECT * FROM {behavior:Identifier} WHERE Behavior != 0) AS k
            ON v.Version = k.BaselineVersion AND v.Kind = k.Kind AND v.Service = k.Service AND v.Entry = k.Entry AND v.Behavior = k.Behavior
    ),
    acted AS
    (
        SELECT
            *,
            count() OVER minute AS Seen,
            countIf(CallsAlone >= 1) OVER minute AS CallsHigh,
            countIf(ConductAlone >= 1) OVER minute AS ConductHigh,
            uniqExactIf(Second, CallsAlone >= 1) OVER minute AS CallsSeconds,
            uniqExactIf(Second, ConductAlone >= 1) OVER minute AS ConductSeconds,
            CallsAlone + if(CallsAlone >= 0.5, otel_pipeline_context_v2(CallsHigh, Seen, CallsSeconds), 0) AS Calls,
            ConductAlone + if(ConductAlone >= 0.5, otel_pipeline_context_v2(ConductHigh, Seen, ConductSeconds), 0) AS Conduct
        FROM
        (
            SELECT
                TraceId, Due, Second, Service, Entry,
                any(Operation) AS Operation,
                maxIf(Alone, Kind = 'calls') AS CallsAlone,
                maxIf(Alone, Kind != 'calls') AS ConductAlone,
                maxIf(Children, Kind = 'calls') AS Children,
                maxIf(Usual, Kind = 'calls') AS Usual,
                minIf((Others + 0.5) / (OfEntry + 1), Kind = 'conduct') AS ConductShare
            FROM behaved
            GROUP BY TraceId, Due, Second, Service, Entry
        )
        WINDOW minute AS (PARTITION BY Service, Entry ORDER BY Second RANGE BETWEEN 60 PRECEDING AND 1 PRECEDING)
    )
SELECT
    j.TraceId AS TraceId,
    j.Version AS Version,
    j.N AS N,
    j.EmbeddingModel AS EmbeddingModel,
    if(N = 0, 0, -log10((greatest(toInt64(j.ShapeCount) - {own:UInt8}, 0) + 0.5) / (j.N - {own:UInt8} + 1))) AS Structure,
    s.Statistic AS Latency,
    f.Statistic AS Errors,
    l.Statistic AS Templates,
    j.ShapeCount AS ShapeCount,
    a.Conduct AS Conduct,
    a.Calls AS Calls,
    log(s.Excess + 100000) AS Excess,
    a.Acted AS Acted,
    a.Did AS Did,
    arrayConcat(s.Slow, if(s.Excess > 0, [(
        s.Most.1, s.Most.2, s.Most.3, 'slow: ms in all, beyond what is usual', s.MostNs / 1e6, greatest(0, s.MostBound) / 1e6, log(s.Excess + 100000), 7
    )], [])) AS Slow,
    f.Top AS Failed,
    l.Top AS Logged
FROM (SELECT * FROM {judged:Identifier} WHERE Due) AS j
LEFT JOIN
(
    SELECT
        TraceId,
        maxIf(Statistic, Kind != 'whole') AS Statistic,
        sumIf(timed.Excess, Kind != 'whole') AS Excess,
        argMaxIf(Evidence, (timed.Excess, Evidence), Kind != 'whole') AS Most,
        argMaxIf(Ns, (timed.Excess, Evidence), Kind != 'whole') AS MostNs,
        argMaxIf(Bound, (timed.Excess, Evidence), Kind != 'whole') AS MostBound,
        arrayConcat(
            arrayReverseSort(e -> e.7, groupArraySortedIf(4)((-(Evidence.7), Evidence), Evidence.7 > 1).2),
            arraySlice(arraySort(groupArrayIf(Shorter, Shorter.1 != '')), 1, 2)
        ) AS Slow
    FROM timed
    WHERE Due
    GROUP BY TraceId
) AS s ON j.TraceId = s.TraceId
LEFT JOIN
(
    SELECT
        TraceId,
        max(acted.Conduct) AS Conduct,
        max(acted.Calls) AS Calls,
        arraySlice(arrayReverseSort(e -> (e.7, e), groupArray((
            'conduct', toString(Service), toString(Operation), 'log lines and errors unlike those of its usual visits', 1., ConductShare, acted.Conduct, 5
        ))), 1, 3) AS Acted,
        arraySlice(arrayReverseSort(e -> (e.7, e), groupArrayArrayIf(arrayMap(
            d -> ('calls', toString(Service), toString(Operation), d.1, d.2, d.3, acted.Calls, 6),
            if(acted.Calls < 1, [], otel_pipeline_differences_v1(Children, Usual))
        ), acted.Calls >= 1)), 1, 4) AS Did
    FROM acted
    WHERE Due
    GROUP BY TraceId
) AS a ON j.TraceId = a.TraceId
LEFT JOIN (SELECT TraceId, max(Statistic) AS Statistic, arraySlice(arrayReverseSort(e -> (e.7, e), groupArray(Evidence)), 1, 6) AS Top FROM failed GROUP BY TraceId) AS f
    ON j.TraceId = f.TraceId
LEFT JOIN (SELECT TraceId, max(Statistic) AS Statistic, arraySlice(arrayReverseSort(e -> (e.7, e), groupArray(Evidence)), 1, 4) AS Top FROM logged GROUP BY TraceId) AS l
    ON j.TraceId = l.TraceId
