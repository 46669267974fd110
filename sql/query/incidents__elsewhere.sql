-- Grain: one row. Called by detection.incidents: how many of some traces lie at another time than the window, by the clock of their roots: what a host with a
-- skewed clock logs belongs where its traces are.
SELECT countIf(Timestamp > {end:DateTime64(3)} OR addNanoseconds(Timestamp, Duration) < {start:DateTime64(3)}) AS Elsewhere
FROM trace_summaries
WHERE TraceId IN {traces:Array(String)}
    AND Hour BETWEEN toStartOfHour({start:DateTime64(3)}) - INTERVAL 1 DAY AND toStartOfHour({end:DateTime64(3)}) + INTERVAL 1 DAY
