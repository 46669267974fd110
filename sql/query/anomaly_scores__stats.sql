-- Grain: a trace with its baseline. Key: TraceId. Called by detection.anomaly_scores and, over the traces that it learned from, by
-- detection.normal_centroid (own = 1: each trace is judged as if it had not been learned from). From anomaly_scores__judged, into a staging table.
-- Statistics, each of the most unusual thing that a trace shows:
-- latency: -log10 of the share of calls that take as long or longer, own work or time between caller and callee;
-- excess: ln of the nanoseconds, summed over the trace, beyond what is usual for each;
-- calls, conduct: -log10 of the share of visits (by the same entry to the same service) that behave as rarely or more rarely: where every visit is unlike
-- all others, being so says nothing. Conduct: with the log templates and errors together, or the errors alone;
-- structure, errors, templates: -log10 of the share of the operation's traces that show the same; among the reasons, not in the score.
-- What is odd counts more where many of the like were odd in the minute before (otel_pipeline_context_v2): those until the second before, less those until
-- a minute and a second before, for a sum that only grows takes one pass however busy a minute is.
-- What is carried from row to row is numbers and hashes; of what names things, only what is unusual is kept, and nothing where own = 1.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
WITH
    known AS -- errors and log templates: in how many traces of a root operation
    (
        SELECT cityHash64(BaselineVersion, RootService, RootOperation, Environment, Kind, Mark) AS Key, Seen
        FROM {model:Identifier}
        ARRAY JOIN
            arrayConcat(arrayWithConstant(length(Error.Key), 'error'), arrayWithConstant(length(Template.Key), 'template')) AS Kind,
            arrayConcat(Error.Key, Template.Key) AS Mark,
            arrayConcat(Error.Count, Template.Count) AS Seen
    ),
    things AS -- a row for each of the largest values, and one above them: the time that is judged lies between it and the next
    (
        SELECT
            cityHash64(
                BaselineVersion, RootService, RootOperation, Environment, transform(Kind, ['self', 'whole'], ['latency', 'duration'], Kind), Service,
                if(Kind = 'whole', RootOperation, Operation)
            ) AS Thing,
            Traces, Least, Center, Bound, Slope, SlopeWithout, Tops[1] AS Largest, Tops[2] AS Larger,
            if(Place = 0, inf, Tops[Place]) AS Above, Tops[Place + 1] AS Below, Ranks[Place] AS RankAbove, Ranks[Place + 1] AS RankBelow,
            Place = length(Tops) AS Last
        FROM {times:Identifier}
        ARRAY JOIN arrayFilter(i -> i = 0 OR i = length(Tops) OR Tops[i] > Tops[i + 1], range(0, length(Tops) + 1)) AS Place
    ),
    items AS
    (
        SELECT
            cityHash64(TraceId) AS Trace, Due, Second, Kind, Service, Operation, Ns, Calls,
            cityHash64(Version, RootService, RootOperation, Environment, Kind, Service, Operation) AS Thing,
            cityHash64(Kind, Service, Operation, Environment) AS Like
        FROM {judged:Identifier}
        ARRAY JOIN
            arrayPushBack(arrayWithConstant(length(Self.Service), 'latency'), 'duration') AS Kind,
            arrayPushBack(Self.Service, RootService) AS Service,
            arrayPushBack(Self.Operation, RootOperation) AS Operation,
            arrayPushBack(Self.Ns, Duration) AS Ns,
            arrayPushBack(Self.Calls, toUInt32(1)) AS Calls
        WHERE N > 0
        UNION ALL
        SELECT
            Trace, Due, Second, 'network' AS Kind, Callee AS Service, Caller AS Operation, Ns, Calls,
            cityHash64(Root.1, Root.2, Root.3, Root.4, Kind, Service, Operation) AS Thing,
            cityHash64(Kind, Service, Operation, Root.4) AS Like
        FROM
        (
            SELECT
                cityHash64(TraceId) AS Trace, Callee, Caller, any(Due) AS Due, any(Second) AS Second, any((Version, RootService, RootOperation, Environment)) AS Root,
                sum(Gap) AS Ns, sum(Times) AS Calls
            FROM {judged:Identifier}
            ARRAY JOIN Edge.Caller AS Caller, Edge.Callee AS Callee, Edge.GapNs AS Gap, Edge.Calls AS Times
            WHERE N > 0
            GROUP BY Trace, Callee, Caller
        )
    ),
    timed AS
    (
        SELECT
            *,
            Alone + if(Alone >= 0.5 AND Kind != 'duration', otel_pipeline_context_v2(High, Seen, Seconds), 0) AS Statistic,
            toUInt64(greatest(0, Ns - Bound)) AS Excess -- whole numbers: their sum is the same in whatever order
        FROM
        (
            SELECT
                *,
                (count() OVER past) - (count() OVER before) AS Seen,
                (countIf(Alone >= 1) OVER past) - (countIf(Alone >= 1) OVER before) AS High,
                (uniqExactIf(Second, Alone >= 1) OVER past) - (uniqExactIf(Second, Alone >= 1) OVER before) AS Seconds
            FROM
            (
                SELECT
                    t.*, w.Traces AS Traces, w.Least AS Least, w.Center AS Center, w.Bound AS Bound,
                    multiIf( -- otel_pipeline_time_surprise_v1
                        w.Traces < 10 + {own:UInt8}, 0.,
                        {own:UInt8} = 1 AND X >= w.Largest, log10(2 * w.Traces) + least(8., greatest(0., X - w.Larger) / w.SlopeWithout),
                        X > w.Largest, log10(2 * (w.Traces + 1)) + least(8., (X - w.Largest) / w.Slope),
                        -log10(least(1., (
                            if(w.Last, toFloat64(w.Traces), w.RankAbove + (toFloat64(w.RankBelow) - w.RankAbove) * (w.Above - X) / greatest(w.Above - w.Below, 1e-9))
                            - {own:UInt8} + 0.5
                        ) / (w.Traces - {own:UInt8} + 1)))
                    ) AS Alone
                FROM (SELECT *, log(Ns / Calls + 200000) AS X FROM items) AS t
                ASOF INNER JOIN things AS w ON t.Thing = w.Thing AND t.X <= w.Above
            )
            WINDOW past AS (PARTITION BY Like ORDER BY Second RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                before AS (PARTITION BY Like ORDER BY Second RANGE BETWEEN UNBOUNDED PRECEDING AND 61 PRECEDING)
        )
    ),
    marked AS
    (
        SELECT
            t.TraceId AS TraceId,
            t.Kind AS Kind,
            (greatest(toInt64(k.Seen) - {own:UInt8}, 0) + 0.5) / (t.N - {own:UInt8} + 1) AS Share,
            -log10(Share) + t.More AS Statistic,
            (t.Kind, t.Service, t.Operation, t.What, toFloat64(t.Count), Share, Statistic, if(t.Kind = 'error', 3, 4)) AS Evidence
        FROM
        (
            SELECT
                TraceId, N, Mark.1 AS Kind, Mark.3 AS Service, Mark.4 AS Operation, Mark.5 AS What, Mark.6 AS Count, Mark.7 AS More,
                cityHash64(Version, RootService, RootOperation, Environment, Kind, Mark.2) AS Key
            FROM {judged:Identifier}
            ARRAY JOIN arrayConcat(
                arrayMap(
                    (service, operation, type, message, count, origin, peer, outlived) -> (
                        'error', cityHash64(service, operation, type), if(outlived, toString(peer), toString(service)), toString(operation),
                        concat(
                            multiIf(outlived, concat(service, ' gave up waiting: '), origin, 'error begins here: ', 'error passes through: '),
                            type, if(message = '', '', ': '), message
                        ),
                        count, 0.
                    ),
                    Error.Service, Error.Operation, Error.Type, Error.Message, Error.Count, Error.Origin, Error.Peer,
                    arrayMap(
                        (service, peer) -> peer != '' AND arrayExists((a, b, o) -> o > 0 AND a = service AND b = peer, Edge.Caller, Edge.Callee, Edge.Outlived),
                        Error.Service, Error.Peer
                    )
                ),
                arrayMap(
                    (service, id, severity, count) -> (
                        'template', cityHash64(service, id), toString(service), '', toString(id), count, multiIf(severity >= 17, 1., severity >= 13, 0.5, 0.)
                    ),
                    Template.Service, Template.Id, Template.Severity, Template.Count
                )
            ) AS Mark
            WHERE N > 0 AND Due
        ) AS t
        LEFT JOIN known AS k ON t.Key = k.Key
    ),
    behaved AS
    (
        SELECT
            v.Trace AS Trace, v.Due AS Due, v.Second AS Second, v.Service AS Service, v.Entry AS Entry, v.Operation AS Operation, v.Kind AS Kind,
            toInt64(k.Visits) - {own:UInt8} AS Others,
            e.OfEntry - {own:UInt8} AS OfEntry,
            greatest(0, if(Others > 0, toInt64(k.Rarer), toInt64(e.Singles)) - {own:UInt8}) AS Rarer,
            e.Children AS Usual,
            if(OfEntry >= 10, -log10(least(1, (Rarer + 10 * greatest(e.Novel, Rarer / OfEntry)) / (OfEntry + 10))), 0) AS Alone
        FROM
        (
            SELECT
                cityHash64(TraceId) AS Trace, Due, Second, Service, Entry, Operation, Kind,
                cityHash64(Version, Kind, Service, Entry) AS OfEntry, cityHash64(Version, Kind, Service, Entry, Behavior) AS OfBehavior
            FROM
            (
                SELECT TraceId, Due, Second, Version, Service, Visit.Entry AS Entry, Visit.Entries[1] AS Operation, [Visit.Calls, Visit.Errors, Visit.Conduct] AS Behaviors
                FROM {judged:Identifier}
                ARRAY JOIN Services AS Service, Visits AS Visit
                WHERE N > 0
            )
            ARRAY JOIN ['calls', 'errors', 'conduct'] AS Kind, Behaviors AS Behavior
        ) AS v
        INNER JOIN
        (
            SELECT cityHash64(BaselineVersion, Kind, Service, Entry) AS Key, OfEntry, Singles, Novel, Children FROM {behavior:Identifier} WHERE Behavior = 0
        ) AS e ON v.OfEntry = e.Key
        LEFT JOIN
        (
            SELECT cityHash64(BaselineVersion, Kind, Service, Entry, Behavior) AS Key, Visits, Rarer FROM {behavior:Identifier} WHERE Behavior != 0
        ) AS k ON v.OfBehavior = k.Key
    ),
    acted AS
    (
        SELECT
            *,
            CallsAlone + if(CallsAlone >= 0.5, otel_pipeline_context_v2(CallsHigh, Seen, CallsSeconds), 0) AS Calls,
            ConductAlone + if(ConductAlone >= 0.5, otel_pipeline_context_v2(ConductHigh, Seen, ConductSeconds), 0) AS Conduct
        FROM
        (
            SELECT
                *,
                (count() OVER past) - (count() OVER before) AS Seen,
                (countIf(CallsAlone >= 1) OVER past) - (countIf(CallsAlone >= 1) OVER before) AS CallsHigh,
                (countIf(ConductAlone >= 1) OVER past) - (countIf(ConductAlone >= 1) OVER before) AS ConductHigh,
                (uniqExactIf(Second, CallsAlone >= 1) OVER past) - (uniqExactIf(Second, CallsAlone >= 1) OVER before) AS CallsSeconds,
                (uniqExactIf(Second, ConductAlone >= 1) OVER past) - (uniqExactIf(Second, ConductAlone >= 1) OVER before) AS ConductSeconds
            FROM
            (
                SELECT
                    Trace, Service, Entry, cityHash64(Service, Entry) AS Like,
                    any(Due) AS Due,
                    any(Second) AS Second,
                    any(Operation) AS Operation,
                    maxIf(Alone, Kind = 'calls') AS CallsAlone,
                    maxIf(Alone, Kind != 'calls') AS ConductAlone,
                    minIf((Others + 0.5) / (OfEntry + 1), Kind = 'conduct') AS ConductShare,
                    anyIf(Usual, Kind = 'calls' AND Alone >= 0.5 AND {own:UInt8} = 0) AS Usual -- what an entry of a service usually does
                FROM behaved
                GROUP BY Trace, Service, Entry
            )
            WINDOW past AS (PARTITION BY Like ORDER BY Second RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                before AS (PARTITION BY Like ORDER BY Second RANGE BETWEEN UNBOUNDED PRECEDING AND 61 PRECEDING)
        )
    )
SELECT
    j.TraceId AS TraceId,
    j.Version AS Version,
    j.N AS N,
    j.EmbeddingModel AS EmbeddingModel,
    if(N = 0, 0, -log10((greatest(toInt64(j.ShapeCount) - {own:UInt8}, 0) + 0.5) / (j.N - {own:UInt8} + 1))) AS Structure,
    s.Statistic AS Latency,
    m.Errors AS Errors,
    m.Templates AS Templates,
    j.ShapeCount AS ShapeCount,
    a.Conduct AS Conduct,
    a.Calls AS Calls,
    log(s.Excess + 100000) AS Excess,
    arrayConcat(
        arrayMap(
            e -> (e.2, e.3, e.4, transform(toString(e.2), ['network', 'duration'],
                ['slow call: time between caller and callee, ms', 'slow: the whole, ms'], 'slow: own time a call, ms'), e.5, e.6, -(e.1), 2),
            s.Slow
        ),
        arrayMap(e -> ('latency', e.1, e.2, 'shorter than ever: own time a call, ms', e.3, e.4, e.5, 2), arraySlice(arraySort(s.Shorter), 1, 2)),
        if(s.Excess > 0 AND {own:UInt8} = 0, [(
            (s.Most.2).1, (s.Most.2).2, (s.Most.2).3, 'slow: ms in all, beyond what is usual', s.Most.3 / 1e6, greatest(0, s.Most.4) / 1e6, Excess, 7
        )], [])
    ) AS Slow,
    m.Failed AS Failed,
    m.Logged AS Logged,
    a.Acted AS Acted,
    a.Did AS Did
FROM (SELECT * FROM {judged:Identifier} WHERE Due) AS j
LEFT JOIN
(
    SELECT
        Trace,
        maxIf(timed.Statistic, Kind != 'duration') AS Statistic,
        sumIf(timed.Excess, Kind != 'duration') AS Excess,
        maxIf(
            (timed.Excess, (Kind, Service, Operation, Ns / Calls / 1e6, (exp(Center) - 200000) / 1e6, timed.Statistic), Ns, Bound),
            {own:UInt8} = 0 AND timed.Excess > 0 AND Kind != 'duration'
        ) AS Most,
        groupArraySortedIf(4)(
            (-(timed.Statistic), Kind, Service, Operation, Ns / Calls / 1e6, (exp(Center) - 200000) / 1e6), {own:UInt8} = 0 AND timed.Statistic > 1
        ) AS Slow,
        groupArrayIf(
            (Service, Operation, Ns / Calls / 1e6, (exp(Center) - 200000) / 1e6, log10(Traces)),
            {own:UInt8} = 0 AND Kind = 'latency' AND Traces >= 50 AND X < Least - 0.1
        ) AS Shorter
    FROM timed
    WHERE Due
    GROUP BY Trace
) AS s ON cityHash64(j.TraceId) = s.Trace
LEFT JOIN
(
    SELECT
        Trace,
        max(acted.Conduct) AS Conduct,
        max(acted.Calls) AS Calls,
        arrayMap(
            e -> ('conduct', e.2, e.3, 'log lines and errors unlike those of its usual visits', 1., e.4, e.1, 5),
            arraySlice(arrayReverseSort(groupArrayIf(
                (acted.Conduct, toString(Service), Operation, ConductShare), {own:UInt8} = 0 AND acted.Conduct > 0
            )), 1, 3)
        ) AS Acted,
        groupArrayIf((acted.Calls, toString(Service), Operation, Usual), {own:UInt8} = 0 AND acted.Calls >= 1) AS Did
    FROM acted
    WHERE Due
    GROUP BY Trace
) AS a ON cityHash64(j.TraceId) = a.Trace
LEFT JOIN
(
    SELECT
        TraceId,
        maxIf(Statistic, Kind = 'error') AS Errors,
        maxIf(Statistic, Kind = 'template') AS Templates,
        arraySlice(arrayReverseSort(e -> (e.7, e), groupArrayIf(Evidence, {own:UInt8} = 0 AND Kind = 'error')), 1, 6) AS Failed,
        arraySlice(arrayReverseSort(e -> (e.7, e), groupArrayIf(Evidence, {own:UInt8} = 0 AND Kind = 'template')), 1, 4) AS Logged
    FROM marked
    GROUP BY TraceId
) AS m ON j.TraceId = m.TraceId
