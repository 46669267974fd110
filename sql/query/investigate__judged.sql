-- Grain: one row. Called by investigate.engine: judged traces, and the anomalous ones with a reason that points at a service, in the first window and in the
-- others; of work that somebody asked for.
WITH arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window
SELECT
    countIf(Window = 1) AS Now,
    countIf(Window = 1 AND Verdict = 'anomalous' AND has(Reasons.Service, {service:String})) AS Anomalous,
    countIf(Window > 1) AS Before,
    countIf(Window > 1 AND Verdict = 'anomalous' AND has(Reasons.Service, {service:String})) AS AnomalousBefore
FROM anomaly_scores
WHERE Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
    AND Verdict IN ('normal', 'anomalous') AND RootKind != 'Internal'
