-- Called by importer: staged rows into the raw table; its materialized views see them here.
INSERT INTO {table:Identifier} SELECT * FROM {stage:Identifier}
