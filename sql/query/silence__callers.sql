-- Grain: a service that calls another. Key: Caller. Called by detection.signals.silence: traces in which it took part before and during a silence of the
-- callee; the calls that it made to it before, and the time on the way, of which only spans of the calls tell; and its own spans a trace before and
-- during: a call that nobody answers is one more.
SELECT
    Caller,
    sum(Called) AS Calls,
    sum(Gap) AS Gaps,
    countIf(Timestamp < {start:DateTime}) AS TracesBefore,
    countIf(Timestamp >= {start:DateTime}) AS Traces,
    avgIf(Spans, Timestamp < {start:DateTime} AND Called > 0) AS SpansBefore,
    avgIf(Spans, Timestamp >= {start:DateTime}) AS SpansNow,
    countIf(Timestamp >= {start:DateTime} AND Vain) AS InVain
FROM
(
    SELECT
        Timestamp, Caller,
        arraySum((a, b, n) -> if(a = Caller AND b = {service:String}, n, 0), Edge.Caller, Edge.Callee, Edge.Calls) AS Called,
        arraySum((a, b, ns) -> if(a = Caller AND b = {service:String}, ns, 0), Edge.Caller, Edge.Callee, Edge.GapNs) AS Gap,
        arraySum((s, n) -> if(s = Caller, n, 0), Self.Service, Self.Calls) AS Spans,
        arrayExists((s, peer) -> s = Caller AND peer = {service:String}, Error.Service, Error.Peer) AS Vain
    FROM trace_summaries
    ARRAY JOIN arrayDistinct(arrayFilter(s -> s != {service:String}, Services)) AS Caller
    WHERE Hour IN {hours:Array(DateTime)} AND Environment = {environment:String} AND Timestamp >= {start:DateTime} - INTERVAL 30 MINUTE AND Timestamp < {end:DateTime}
)
GROUP BY Caller
HAVING Calls > 0
ORDER BY Calls DESC, Caller
