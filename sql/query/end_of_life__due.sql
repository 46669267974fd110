-- Grain: a table. Key: Name. Rows of each table that end_of_life would delete. Called by end_of_life.
SELECT *
FROM (
    SELECT 'log_templates' AS Name, count() AS Rows
    FROM log_templates FINAL
    WHERE LastSeen < now() - toIntervalDay({days:UInt32})
    UNION ALL
    SELECT 'embeddings' AS Name, count() AS Rows
    FROM embeddings FINAL
    WHERE CreatedAt < now() - toIntervalDay({days:UInt32})
        AND TextHash NOT IN (
            SELECT TextHash FROM log_templates WHERE LastSeen >= now() - toIntervalDay({days:UInt32})
        )
        AND TextHash NOT IN (SELECT ShapeHash FROM trace_summaries)
        AND TextHash NOT IN (SELECT cityHash64(EmbeddedText) FROM error_patterns)
    UNION ALL
    SELECT 'error_patterns' AS Name, count() AS Rows
    FROM error_patterns FINAL
    WHERE Status IN ('suspected', 'rejected') AND last_seen < now() - toIntervalDay({days:UInt32})
)
ORDER BY Name
