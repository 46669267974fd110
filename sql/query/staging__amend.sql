-- Called by detection.staging: the parts of a partition also become those of the staging table (by links: nothing is copied). Identifiers of our own making.
ALTER TABLE ${stage} REPLACE PARTITION ID '${partition}' FROM ${table}
