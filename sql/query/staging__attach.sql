-- Called by detection.staging: add the rows of one staging table to another (by links: nothing is copied). Identifiers of our own making.
ALTER TABLE ${stage} ATTACH PARTITION ID '${partition}' FROM ${table}
