-- Called by detection.normal_centroid: add all traces of operations in the times in which they were troubled, for what is not anomalous there by itself
-- is not normal either.
INSERT INTO {stage:Identifier}
SELECT DISTINCT t.TraceId
FROM trace_summaries AS t
INNER JOIN
(
    SELECT times.1 AS Operation, times.2 AS Start, times.3 AS End
    FROM (SELECT arrayJoin(arrayZip({operations:Array(String)}, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))})) AS times)
) AS i ON concat(t.RootService, ':', t.RootOperation) = i.Operation
WHERE t.Hour >= toStartOfHour(arrayMin({starts:Array(DateTime64(3))})) AND t.Hour <= toStartOfHour(arrayMax({ends:Array(DateTime64(3))}))
    AND t.Timestamp >= i.Start AND t.Timestamp < i.End
