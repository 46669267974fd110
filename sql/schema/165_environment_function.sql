-- In which environment and namespace something ran: part of a service's identity, 'prod', 'prod/shop', '/shop' or ''. By the new attribute or the old one.
-- Called by trace_summaries.
CREATE OR REPLACE FUNCTION otel_pipeline_environment_v1 ${ON_CLUSTER} AS (resource_attributes) ->
    concat(
        if(resource_attributes['deployment.environment.name'] != '', resource_attributes['deployment.environment.name'], resource_attributes['deployment.environment']),
        if(resource_attributes['service.namespace'] = '', '', concat('/', resource_attributes['service.namespace']))
    )
