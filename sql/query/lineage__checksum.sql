-- Grain: one row. Called by detection.lineage: rows and an order-free checksum of a table, leaving out when rows were written. Identifiers of our own making.
SELECT count() AS Rows, lower(hex(groupBitXor(cityHash64(* ${but})))) AS Checksum FROM ${table} ${final}
