-- Grain: past window × kind of reason × service × operation. Key: the same; '' for the traffic as a whole. Called by investigate.recurrence: traces of each
-- window, and the anomalous ones that have such a reason. Windows are numbered from 1.
SELECT Window, Reason.1 AS Kind, Reason.2 AS Service, Reason.3 AS Operation, count() AS Traces
FROM
(
    SELECT
        arrayJoin(arrayFilter(
            i -> Timestamp >= {starts:Array(DateTime64(3))}[i] AND Timestamp < {ends:Array(DateTime64(3))}[i],
            arrayEnumerate({starts:Array(DateTime64(3))})
        )) AS Window,
        arrayConcat([('', '', '')], if(Verdict = 'anomalous', arrayDistinct(arrayZip(Reasons.Kind, Reasons.Service, Reasons.Operation)), [])) AS Reasons
    FROM anomaly_scores
    WHERE Hour IN {hours:Array(DateTime)} AND RootKind != 'Internal'
)
ARRAY JOIN Reasons AS Reason
GROUP BY Window, Kind, Service, Operation
