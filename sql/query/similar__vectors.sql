-- Grain: a text of the templates. Called by investigate.similar: the vectors of what a trace says.
SELECT TextHash, any(Vector) AS Vector
FROM embeddings
WHERE Model = {model:String} AND TextHash IN (SELECT TextHash FROM log_templates FINAL WHERE TemplateId IN {ids:Array(UInt64)})
GROUP BY TextHash
