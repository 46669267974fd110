-- What a service did within a trace: its own operations other than those by which it was entered, and those that it called elsewhere, with how often.
-- An array of (name, times), by name. Called by normal_centroid and anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_children_v1 ${ON_CLUSTER} AS (service, entries, self_services, self_operations, self_calls, callers, callees, edge_operations, edge_calls) ->
    arrayFilter(c -> c.1 != '', arrayMap(
        r -> arrayZip(r.1, r.2),
        [arrayReduce(
            'sumMap',
            [arrayConcat(
                arrayMap((s, o) -> if(s = service AND NOT has(entries, o), toString(o), ''), self_services, self_operations),
                arrayMap((a, b, o) -> if(a = service, concat(toString(b), ' ', toString(o)), ''), callers, callees, edge_operations)
            )],
            [arrayConcat(self_calls, edge_calls)]
        )]
    )[1])
