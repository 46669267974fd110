-- The conduct of a service within a trace, as a hash: which log templates it wrote, in which order of frequency (loops may turn more often, but not
-- out of step), which errors began or passed. Whom it called is left out: that says what was asked for, rather than how it went.
-- Called by service_visits, normal_centroid and anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_conduct_v1 ${ON_CLUSTER} AS (service, template_ids, template_services, template_counts, errors, error_services) ->
    cityHash64(
        arrayFilter((x, s) -> s = service, template_ids, template_services),
        arrayMap(
            n -> indexOf(arraySort(arrayDistinct(arrayFilter((x, s) -> s = service, template_counts, template_services))), n),
            arrayFilter((x, s) -> s = service, template_counts, template_services)
        ),
        arrayFilter((x, s) -> s = service, errors, error_services)
    )
