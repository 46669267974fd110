-- Called by importer: the mended lines take the place of the staged ones.
EXCHANGE TABLES {stage:Identifier} AND {mended:Identifier}
