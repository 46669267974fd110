-- Called by detection.staging: take traces out of a staging table.
DELETE FROM {stage:Identifier} WHERE TraceId IN (SELECT TraceId FROM {traces:Identifier})
