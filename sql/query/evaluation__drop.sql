-- Called by evaluation.ablation: the database in which it worked.
DROP DATABASE IF EXISTS {database:Identifier} SYNC
