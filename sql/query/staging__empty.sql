-- Called by detection.anomaly_scores: begin anew with a staging table.
TRUNCATE TABLE {stage:Identifier}
