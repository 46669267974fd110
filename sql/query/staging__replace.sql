-- Called by detection.staging: the rows of the staging table become the partition of the hour. Identifiers of our own making.
ALTER TABLE ${table} REPLACE PARTITION ID '${partition}' FROM ${stage}
