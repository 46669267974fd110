-- Grain: one row. Called by detection.incidents: the figures of one incident. Hit: anomalous, or, where the incident is a shift, unusual;
-- where a service's behavior shows it, the traces that pass this service.
WITH affected AS
(
    SELECT
        s.*,
        s.Verdict = 'anomalous' OR greatest(s.Conduct, s.Errors, s.Latency) >= {unusual:Float64} OR has(t.Services, {service:String}) AS Hit,
        t.ShapeHash AS ShapeHash, t.Services AS Services
    FROM anomaly_scores AS s
    LEFT ANY JOIN
    (
        SELECT TraceId, ShapeHash, Services
        FROM trace_summaries
        WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= toStartOfHour({end:DateTime64(3)})
            AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}
    ) AS t ON s.TraceId = t.TraceId
    WHERE s.Hour >= toStartOfHour({start:DateTime64(3)}) AND s.Hour <= toStartOfHour({end:DateTime64(3)})
        AND s.Timestamp >= {start:DateTime64(3)} AND s.Timestamp < {end:DateTime64(3)}
        AND s.Verdict IN ('normal', 'anomalous')
        AND (s.RootService, s.RootOperation) IN {operations:Array(Tuple(String, String))}
)
SELECT
    toDateTime64(minIf(Timestamp, Hit), 3) AS Start,
    toDateTime64(maxIf(addNanoseconds(Timestamp, Duration), Hit), 3) AS End,
    count() AS Traces,
    countIf(Hit) AS Anomalous,
    max(Score) AS MaxScore,
    max(BaselineVersion) AS BaselineVersion,
    arrayMap(x -> x.2, arraySlice(arraySort(groupArrayIf((-Score, TraceId), Hit)), 1, 5)) AS Examples,
    groupUniqArrayArrayIf(Services, Hit) AS Services,
    arraySlice(arraySort((shape, n) -> (-n, shape), (sumMapIf([ShapeHash], [toInt64(1)], Hit) AS Often).1, Often.2), 1, 10) AS Shapes
FROM affected
