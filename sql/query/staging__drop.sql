-- Called by detection.staging: drop a staging table of a run.
DROP TABLE IF EXISTS {stage:Identifier} SYNC
