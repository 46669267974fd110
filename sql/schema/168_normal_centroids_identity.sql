-- normal_centroids gets the environment, part of a root operation's identity, and says of each row what it holds, for a service may have any name, even none.
ALTER TABLE normal_centroids ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Environment LowCardinality(String) DEFAULT '' COMMENT 'Environment and namespace of the root service: trace_summaries.Environment' AFTER RootOperation,
    ADD COLUMN IF NOT EXISTS Holds LowCardinality(String) DEFAULT if(RootService = '', 'calibration', 'operation') COMMENT 'operation: what is normal of a root operation; calibration: how odd normal traces are, all operations together' AFTER BaselineVersion
