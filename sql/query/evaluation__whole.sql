-- Grain: a trace. Called by evaluation.ablation: the summaries of a database, from which those without a part are made.
CREATE TABLE trace_summaries_whole ENGINE = MergeTree ORDER BY (Hour, TraceId) AS SELECT * FROM {source:Identifier}.trace_summaries
