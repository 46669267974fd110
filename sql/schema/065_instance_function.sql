-- Which running instance of a service emitted something, by its resource attributes: what changes when a process is started anew comes first.
-- Called by investigate__series and its kin.
CREATE OR REPLACE FUNCTION otel_pipeline_instance_v1 ${ON_CLUSTER} AS (attributes) ->
    coalesce(
        nullIf(attributes['service.instance.id'], ''), nullIf(attributes['k8s.pod.uid'], ''), nullIf(attributes['k8s.pod.name'], ''),
        nullIf(attributes['container.id'], ''), nullIf(concat(attributes['host.name'], ' ', attributes['process.pid']), ' '), ''
    )
