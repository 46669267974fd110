-- Grain: a pattern. Key: pattern_id. The memory as it may be served: a row says confirmed only where its history holds the decision of a person with just
-- these words; whatever else claims to be confirmed counts as suspected. Called by detection.memory, similar, the plan's pattern match, people and agents.
CREATE OR REPLACE VIEW known_patterns ${ON_CLUSTER} AS
SELECT
    p.* EXCEPT (Status),
    d.Status = 'confirmed' AND d.By NOT IN ('', 'lineage') AND p.ReviewedBy IN ('', d.By)
        AND (p.root_cause, p.resolution, p.Harmless, p.CheckQuery) = (d.Cause, d.Remedy, d.Harmless, d.Check) AS Vouched,
    if(p.Status = 'confirmed' AND NOT Vouched, 'suspected', toString(p.Status)) AS Status
FROM (SELECT * FROM error_patterns FINAL) AS p
LEFT JOIN
(
    SELECT
        h.pattern_id AS pattern_id,
        argMax((h.ChangedBy, h.Status, h.root_cause, h.resolution, h.Harmless, h.CheckQuery), h.ChangedAt) AS Last,
        Last.1 AS By, toString(Last.2) AS Status, Last.3 AS Cause, Last.4 AS Remedy, Last.5 AS Harmless, Last.6 AS Check
    FROM error_pattern_history AS h
    WHERE h.Action IN ('added', 'resolved', 'corrected', 'rejected', 'reopened', 'imported')
    GROUP BY h.pattern_id
) AS d ON d.pattern_id = p.pattern_id
