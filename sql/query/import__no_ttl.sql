-- Called by importer: a staging table must not lose old rows before they are moved.
ALTER TABLE {stage:Identifier} REMOVE TTL
