-- Grain: bin of some seconds × root operation. Key: the same. Called by detection.bursts: the course of anomalies.
-- Only work that somebody asked for: a job that fails by itself is an anomaly, not an incident.
-- Failures: the errors that recur, one entry a trace: (hash, share of the operation's traces in which the baseline knows it).
-- Strong: far beyond the threshold, or with an error that recurs within a minute much more often than the baseline knows it.
WITH
    judged AS
    (
        SELECT
            *,
            toUnixTimestamp(toDateTime(Timestamp)) AS Second,
            count() OVER (PARTITION BY RootService, RootOperation ORDER BY Second RANGE BETWEEN 30 PRECEDING AND 30 FOLLOWING) AS Around
        FROM {scores:Identifier}
        WHERE Hour >= {start:DateTime} AND Hour < {end:DateTime} AND Verdict IN ('normal', 'anomalous') AND RootKind != 'Internal'
            AND addNanoseconds(Timestamp, Duration) <= {until:DateTime64(3)}
    ),
    recurring AS
    (
        SELECT TraceId, groupArray((cityHash64(Error), Share)) AS Recurring
        FROM
        (
            SELECT
                TraceId,
                Error,
                Around,
                Share,
                count() OVER (
                    PARTITION BY RootService, RootOperation, Error ORDER BY Second RANGE BETWEEN 30 PRECEDING AND 30 FOLLOWING
                ) AS Times
            FROM
            (
                SELECT RootService, RootOperation, TraceId, Second, Around, Known.1 AS Error, Known.2 AS Share
                FROM judged
                ARRAY JOIN arrayDistinct(
                    arrayFilter(
                        error -> (error.1.1 = 'error'),
                        arrayMap(
                            (kind, service, operation, what, share) -> ((kind, service, operation, what), share),
                            `Reasons.Kind`, `Reasons.Service`, `Reasons.Operation`, `Reasons.What`, `Reasons.Expected`
                        )
                    )
                ) AS Known
                WHERE Verdict = 'anomalous'
            )
        )
        WHERE Times >= {least:UInt32} AND Times >= {times:Float64} * Share * Around
        GROUP BY TraceId
    )
SELECT
    RootService,
    RootOperation,
    intDiv(Second, {seconds:UInt32}) AS Bin,
    count() AS Traces,
    countIf(Verdict = 'anomalous') AS Anomalous,
    countIf(Verdict = 'anomalous' AND (Score >= {strong:Float64} OR notEmpty(r.Recurring))) AS Strong,
    countIf(greatest(Conduct, Errors, Latency) >= {unusual:Float64}) AS Unusual,
    groupArrayArray(r.Recurring) AS Failures
FROM judged AS j
LEFT JOIN recurring AS r ON j.TraceId = r.TraceId
GROUP BY RootService, RootOperation, Bin
ORDER BY RootService, RootOperation, Bin
