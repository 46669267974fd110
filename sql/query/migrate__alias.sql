-- Called by migrate: a raw table in the database of another version of the lineage is the one of version 1. Identifiers of our own making.
CREATE TABLE IF NOT EXISTS `${table}` ${ON_CLUSTER} ENGINE = Alias('${database}', '${table}')
