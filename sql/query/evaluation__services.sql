-- Grain: a service. Key: Service. Called by evaluation.rca, which ranks every one.
SELECT DISTINCT arrayJoin(Services) AS Service FROM trace_summaries ORDER BY Service
