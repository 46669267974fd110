-- Grain: a chosen trace with spans more than 15 minutes beside the hour. Key: TraceId. Called by detection.trace_summaries as its second step, into a staging
-- table: a host's clock is wrong, or the trace takes hours. Looked for within twelve hours.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT TraceId, min(Start) AS First, max(End) AS Last
FROM otel_traces_trace_id_ts
WHERE Start >= {start:DateTime} - INTERVAL 12 HOUR AND Start < {end:DateTime} + INTERVAL 12 HOUR AND TraceId IN (SELECT TraceId FROM {chosen:Identifier} WHERE Chosen)
GROUP BY TraceId
HAVING First < {start:DateTime} - INTERVAL 15 MINUTE OR Last >= {end:DateTime} + INTERVAL 15 MINUTE
