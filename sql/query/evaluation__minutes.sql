-- Grain: a minute in which traces began. Key: Minute. Called by evaluation.references.
SELECT DISTINCT toStartOfMinute(toDateTime(Timestamp)) AS Minute FROM trace_summaries ORDER BY Minute
