-- Which version of the detector wrote a row of anomaly_scores: versions stand beside each other in a partition (setting DETECTOR_VERSION says which is read).
ALTER TABLE anomaly_scores ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Detector LowCardinality(String) DEFAULT '1' COMMENT 'Version of the detector: DETECTOR_VERSION'
