-- Grain: a trace with its baseline. Key: TraceId. Called by detection.anomaly_scores, into a staging table: what is judged of each trace, and by which
-- version: the newest one that knows its root operation in its environment and is no newer than Judge. N: traces of the operation in it; 0 without a baseline.
CREATE TABLE {stage:Identifier} ENGINE = Memory AS
SELECT
    t.*,
    m.BaselineVersion AS Version,
    m.Traces AS N,
    m.Shape.Count[indexOf(m.Shape.Hash, t.ShapeHash)] AS ShapeCount,
    m.EmbeddingModel AS EmbeddingModel
FROM {traces:Identifier} AS t
ASOF LEFT JOIN (SELECT * FROM {model:Identifier} WHERE Holds = 'operation') AS m
    ON t.RootService = m.RootService AND t.RootOperation = m.RootOperation AND t.Environment = m.Environment AND t.Judge >= m.BaselineVersion
