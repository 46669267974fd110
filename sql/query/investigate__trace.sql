-- Grain: a trace. Key: TraceId. Called by investigate.engine: when it began.
SELECT Timestamp
FROM trace_summaries
WHERE TraceId = {trace:String} AND Hour >= toStartOfHour({start:DateTime64(3)}) AND Hour <= {end:DateTime64(3)}
