-- Called by detection.normal_centroid: add the scores of the hour before, in which trouble may have begun, to those of the present hour.
INSERT INTO {stage:Identifier} SELECT * FROM anomaly_scores WHERE Hour = {hour:DateTime} - INTERVAL 1 HOUR
