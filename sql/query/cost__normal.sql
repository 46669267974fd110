-- Grain: one row. Called by investigate.cost: spans of all traces of a window, and of those that were judged normal.
SELECT sum(s.SpanCount) AS Spans, sumIf(s.SpanCount, a.Verdict = 'normal') AS Normal
FROM (SELECT TraceId, SpanCount FROM trace_summaries WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour < {end:DateTime64(3)}
        AND Timestamp >= {start:DateTime64(3)} AND Timestamp < {end:DateTime64(3)}) AS s
LEFT ANY JOIN (SELECT TraceId, Verdict FROM anomaly_scores WHERE Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour < {end:DateTime64(3)}) AS a
    ON s.TraceId = a.TraceId
