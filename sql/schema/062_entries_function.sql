-- By which operations a service was entered within a trace. Called by service_visits, normal_centroid and anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_entries_v1 ${ON_CLUSTER} AS (service, edge_operations, callees, root_service, root_operation) ->
    arraySort(arrayDistinct(arrayConcat(
        arrayFilter((x, s) -> s = service, edge_operations, callees), if(service = root_service, [root_operation], [])
    )))
