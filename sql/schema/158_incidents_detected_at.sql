-- When an incident was first written: rewriting its hour keeps the time, so that the time to detect can be told. Written by incidents.
ALTER TABLE incidents ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS DetectedAt DateTime64(3) DEFAULT WrittenAt COMMENT 'When the incident was first written' AFTER End
