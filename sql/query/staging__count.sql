-- Grain: one row. Called by detection.staging.
SELECT count() AS Rows FROM {stage:Identifier}
