-- Grain: hour × source × minute. Called by detection.lineage: the hour has been processed with what had arrived when the run began (the last time that it did).
INSERT INTO lineage_state (Hour, Source, Minute, Rows, CodeVersion)
SELECT Hour, Source, Minute, argMax(Rows, BeganAt), {code_version:String}
FROM lineage_runs
WHERE RunId = {run:String} AND Hour = {hour:DateTime}
GROUP BY Hour, Source, Minute
