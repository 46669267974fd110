-- Called by importer: count the age of rows that are older than their import from the import on. Name and TTL of our own making.
ALTER TABLE ${table} MODIFY TTL ${ttl}
