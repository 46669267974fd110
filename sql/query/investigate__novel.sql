-- Grain: service at which errors begin. Key: Service. Called by investigate.novel: traces of a window whose errors begin there and were never seen in quiet
-- times, summed over types, wordings and endpoints; and those whose errors begin there whether known or not, now and in quiet times. An error is known by
-- service, type and masked message, or by the template of an error line. It begins where a failed span has no failed child; an error line begins where no
-- span of the service merely passes a failure on, and nobody that the service calls tells of errors. Singles: known errors that came in one quiet trace
-- only: by as much new ones are to be expected (Good and Turing). Inside: new ones within each incident. With a service only traces in which it takes part.
-- Times: when they began, seconds since 1970.
WITH
    traces AS
    (
        SELECT
            TraceId, Timestamp, Services, concat(RootService, ' ', RootOperation) AS Root,
            Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)} AS Now,
            arrayZip(Edge.Caller, Edge.Callee) AS Calls,
            arrayConcat(
                arrayMap(
                    (service, type, message, origin, peer) -> (toString(service), toString(type), message, toUInt64(0), origin, toString(peer)),
                    Error.Service, Error.Type, Error.Message, Error.Origin, Error.Peer
                ),
                arrayMap(
                    line -> (toString(line.1), '', '', line.2, false, ''),
                    arrayFilter(line -> line.3 >= 17, arrayZip(Template.Service, Template.Id, Template.Severity))
                )
            ) AS Errors
        FROM trace_summaries
        WHERE Hour IN {hours:Array(DateTime)}
            AND (Now OR arrayExists((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}))
            AND RootKind != 'Internal'
            AND ({service:String} = '' OR has(Services, {service:String}))
    ),
    errors AS
    (
        SELECT
            TraceId, Timestamp, Root, Now, Calls,
            Error.1 AS Service, Error.2 AS Type, Error.3 AS Message, Error.4 AS Template, Error.5 AS Begins, Error.6 AS Peer,
            cityHash64(Service, Type, Message, Template) AS Family
        FROM traces
        ARRAY JOIN Errors AS Error
    ),
    known AS (SELECT Family, any(Service) AS Of, uniqExact(TraceId) AS Times FROM errors WHERE NOT Now GROUP BY Family),
    found AS
    (
        SELECT
            TraceId, any(Timestamp) AS At, any(Root) AS Endpoint, any(Now) AS Is, any(Calls) AS Edges,
            groupUniqArrayIf(Service, Begins) AS Origins,
            groupUniqArrayIf(Service, NOT Begins AND Template = 0) AS Passing,
            groupUniqArrayIf(Service, Template != 0) AS Telling,
            groupUniqArrayIf(Service, New) AS NewAt,
            groupUniqArrayIf((Service, if(Template != 0, Line, concat(Type, if(Type = '' OR Message IN ('', Type), '', ': '), if(Message = Type, '', Message))), Peer), New) AS News,
            arrayFilter(
                s -> NOT has(Passing, s) AND NOT arrayExists(e -> e.1 = s AND (has(Telling, e.2) OR has(Origins, e.2) OR has(Passing, e.2)), Edges), Telling
            ) AS Lines,
            arrayDistinct(arrayConcat(Origins, Lines)) AS Beginning,
            arrayFilter(s -> has(NewAt, s), Beginning) AS NewBeginning
        FROM
        (
            SELECT e.*, t.Text AS Line, e.Now AND e.Family NOT IN (SELECT Family FROM known) AS New
            FROM errors AS e
            LEFT ANY JOIN (SELECT TemplateId, Text FROM log_templates FINAL) AS t ON e.Template = t.TemplateId
        )
        GROUP BY TraceId
    )
SELECT
    b.Service AS Service, v.Visits AS Visits, v.VisitsBefore AS VisitsBefore, Failing, FailingBefore, Traces, s.Singles AS Singles, Times, Examples, Endpoints,
    Said, Peers, Inside
FROM
(
    SELECT
        Service,
        countIf(Is) AS Failing,
        countIf(NOT Is) AS FailingBefore,
        countIf(Is AND has(NewBeginning, Service)) AS Traces,
        arraySlice(arraySort(if(Traces > 0, groupArrayIf(toFloat64(At), Is AND has(NewBeginning, Service)), groupArrayIf(toFloat64(At), Is))), 1, 5000) AS Times,
        arrayMap(x -> x.2, arraySlice(arraySort(groupArrayIf((At, TraceId), Is AND has(NewBeginning, Service))), 1, 5)) AS Examples,
        arrayMap(x -> (x.1, x.2), topKIf(4, 3, 'counts')(Endpoint, Is AND has(NewBeginning, Service))) AS Endpoints,
        arrayMap(x -> (x.1, x.2), topKArrayIf(5, 3, 'counts')(arrayMap(n -> n.2, arrayFilter(n -> n.1 = Service, News)), Is AND has(NewBeginning, Service))) AS Said,
        arrayMap(x -> (x.1, x.2), topKArrayIf(2, 3, 'counts')(arrayDistinct(arrayFilter(p -> p != '', arrayMap(n -> n.3, arrayFilter(n -> n.1 = Service, News)))), Is AND has(NewBeginning, Service))) AS Peers,
        sumForEachIf(
            arrayMap((a, b) -> toUInt64(At >= a AND At < b), {incident_starts:Array(DateTime64(3))}, {incident_ends:Array(DateTime64(3))}),
            Is AND has(NewBeginning, Service)
        ) AS Inside
    FROM (SELECT TraceId, At, Endpoint, Is, News, NewBeginning, arrayJoin(Beginning) AS Service FROM found)
    GROUP BY Service
    HAVING Failing > 0
) AS b
INNER JOIN
(
    SELECT Visited AS Service, countIf(Now) AS Visits, countIf(NOT Now) AS VisitsBefore
    FROM traces
    ARRAY JOIN Services AS Visited
    GROUP BY Service
) AS v ON b.Service = v.Service
LEFT JOIN (SELECT Of AS Service, countIf(Times = 1) AS Singles FROM known GROUP BY Of) AS s ON b.Service = s.Service
ORDER BY Traces DESC, Failing DESC, Service
