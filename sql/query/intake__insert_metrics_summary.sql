-- Grain: a point of a summary of the batch. Key: none. The writer of the intake (otel_pipeline/intake/writer.py) sends it with a batch as data.
INSERT INTO ${TABLE}
${VALUES}
SELECT
    ResourceAttributes,
    ResourceSchemaUrl,
    scope.scope.name AS ScopeName,
    scope.scope.version AS ScopeVersion,
    ScopeAttributes,
    scope.scope.dropped_attributes_count AS ScopeDroppedAttrCount,
    scope.schema_url AS ScopeSchemaUrl,
    ResourceAttributes['service.name'] AS ServiceName,
    metric.name AS MetricName,
    metric.description AS MetricDescription,
    metric.unit AS MetricUnit,
    attributes(point.attributes) AS Attributes,
    instant(point.start_time_unix_nano) AS StartTimeUnix,
    instant(point.time_unix_nano) AS TimeUnix,
    point.count AS Count,
    point.sum AS Sum,
    arrayMap(quantile -> quantile.quantile, point.quantile_values) AS `ValueAtQuantiles.Quantile`,
    arrayMap(quantile -> quantile.value, point.quantile_values) AS `ValueAtQuantiles.Value`,
    point.flags AS Flags
FROM
(
    SELECT ResourceAttributes, ResourceSchemaUrl, scope, attributes(scope.scope.attributes) AS ScopeAttributes, arrayJoin(scope.metrics) AS metric
    FROM
    (
        SELECT
            attributes(resource_metric.resource.attributes) AS ResourceAttributes,
            resource_metric.schema_url AS ResourceSchemaUrl,
            resource_metric.scope_metrics AS scopes
        FROM (SELECT arrayJoin(resource_metrics) AS resource_metric FROM input('${STRUCTURE}'))
    )
    ARRAY JOIN scopes AS scope
)
ARRAY JOIN metric.summary.data_points AS point
FORMAT ProtobufSingle
