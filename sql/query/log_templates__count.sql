-- Grain: template × service × severity of the hour. Called by log_templates: from masks to templates, into the hour's partition.
INSERT INTO {stage:Identifier}
SELECT
    toStartOfHour({start:DateTime}) AS Hour,
    m.TemplateId AS TemplateId,
    ServiceName,
    SeverityText,
    max(s.SeverityNumber) AS SeverityNumber,
    sum(s.Count) AS Count,
    min(s.FirstSeen) AS FirstSeen,
    max(s.LastSeen) AS LastSeen,
    arrayMap(e -> e.3, arraySlice(arraySort(arrayFlatten(groupArray(s.Examples))) AS Examples, 1, 3)) AS ExampleBodies,
    arraySlice(arrayDistinct(arrayFilter(t -> t != '', arrayMap(e -> e.2, Examples))), 1, 3) AS ExampleTraceIds
FROM {masked:Identifier} AS s
INNER JOIN (
    SELECT MaskHash, TemplateId
    FROM log_template_masks FINAL
    WHERE MaskHash IN (SELECT MaskHash FROM {masked:Identifier})
) AS m USING (MaskHash)
GROUP BY TemplateId, ServiceName, SeverityText
