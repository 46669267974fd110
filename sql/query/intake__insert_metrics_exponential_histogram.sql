-- Grain: a point of an exponential histogram of the batch. Key: none. The writer of the intake (otel_pipeline/intake/writer.py) sends it with a batch as data.
-- An exemplar without ids has zeros, as the Collector's exporter writes them.
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
    point.scale AS Scale,
    point.zero_count AS ZeroCount,
    point.positive.offset AS PositiveOffset,
    point.positive.bucket_counts AS PositiveBucketCounts,
    point.negative.offset AS NegativeOffset,
    point.negative.bucket_counts AS NegativeBucketCounts,
    arrayMap(exemplar -> attributes(exemplar.filtered_attributes), point.exemplars) AS `Exemplars.FilteredAttributes`,
    arrayMap(exemplar -> instant(exemplar.time_unix_nano), point.exemplars) AS `Exemplars.TimeUnix`,
    arrayMap(exemplar -> multiIf(exemplar.as_double IS NOT NULL, assumeNotNull(exemplar.as_double), exemplar.as_int IS NOT NULL, toFloat64(assumeNotNull(exemplar.as_int)), 0.), point.exemplars) AS `Exemplars.Value`,
    arrayMap(exemplar -> if(empty(exemplar.span_id), repeat('0', 16), lower(hex(exemplar.span_id))), point.exemplars) AS `Exemplars.SpanId`,
    arrayMap(exemplar -> if(empty(exemplar.trace_id), repeat('0', 32), lower(hex(exemplar.trace_id))), point.exemplars) AS `Exemplars.TraceId`,
    point.flags AS Flags,
    point.min AS Min,
    point.max AS Max,
    metric.exponential_histogram.aggregation_temporality AS AggregationTemporality
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
ARRAY JOIN metric.exponential_histogram.data_points AS point
FORMAT ProtobufSingle
