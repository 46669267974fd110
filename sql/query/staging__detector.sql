-- Called by detection.beside: rows that come into a staging table are of this version of the detector. Identifiers of our own making.
ALTER TABLE ${stage} MODIFY COLUMN Detector DEFAULT '${detector}'
