-- The conduct of a service within a trace, as a hash: the same as of otel_pipeline_conduct_v1, with its templates picked out once.
-- Called by trace_summaries.
CREATE OR REPLACE FUNCTION otel_pipeline_conduct_v2 ${ON_CLUSTER} AS (service, template_ids, template_services, template_counts, errors, error_services) ->
    arrayMap(
        mine -> cityHash64(
            mine.1,
            arrayMap(sorted -> arrayMap(n -> indexOf(sorted, n), mine.2), [arraySort(arrayDistinct(mine.2))])[1],
            arrayFilter((x, s) -> s = service, errors, error_services)
        ),
        [arrayFilter(x -> x.3 = service, arrayZip(template_ids, template_counts, template_services))]
    )[1]
