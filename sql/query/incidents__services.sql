-- Grain: one row. Called by detection.incidents: services that take part in traces.
SELECT arraySort(groupUniqArrayArray(Services)) AS Services FROM trace_summaries WHERE Hour >= {start:DateTime} AND Hour < {end:DateTime}
