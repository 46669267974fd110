-- Grain: past window × kind of reason × service × operation. Key: the same; '' for the traffic as a whole. Called by investigate.recurrence: traces of each
-- window, the anomalous ones that have such a reason, and of these the unusual ones. Windows are numbered from 1.
SELECT Window, Reason.1 AS Kind, Reason.2 AS Service, Reason.3 AS Operation, count() AS Traces, countIf(Unusual) AS Unusual
FROM
(
    SELECT
        arrayJoin(arrayFilter(
            i -> Timestamp >= {starts:Array(DateTime64(3))}[i] AND Timestamp < {ends:Array(DateTime64(3))}[i],
            arrayEnumerate({starts:Array(DateTime64(3))})
        )) AS Window,
        Verdict = 'anomalous' OR greatest(Conduct, Errors, Latency) >= {unusual:Float64} AS Unusual,
        arrayConcat([('', '', '')], if(Verdict = 'anomalous', arrayDistinct(arrayZip(Reasons.Kind, Reasons.Service, Reasons.Operation)), [])) AS Reasons
    FROM anomaly_scores
    WHERE Hour IN {hours:Array(DateTime)} AND RootKind != 'Internal'
        AND (empty({operations:Array(String)}) OR has({operations:Array(String)}, concat(RootService, ':', RootOperation)))
)
ARRAY JOIN Reasons AS Reason
GROUP BY Window, Kind, Service, Operation
