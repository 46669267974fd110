-- Grain: one row. Called by investigate.codes: from when to when there are log lines; answered from what the engine keeps of each part, without reading.
SELECT min(Timestamp) AS First, max(Timestamp) AS Last FROM otel_logs
