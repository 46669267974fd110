-- What the services of a trace did, each in one visit: an array of (operations by which it was entered, how often, children), in the order of services.
-- Children: its own operations other than those by which it was entered, and those that it called elsewhere, with how often: (name, times) by name.
-- As otel_pipeline_entries_v1 and otel_pipeline_children_v1 of every service, but in one pass: all that a trace shows is sorted by service, then cut.
-- Codes: four times the place of the service, and 0 where its part begins, 1 for an entry, 2 for an operation of its own, 3 for a call.
-- Called by normal_centroid and anomaly_scores.
CREATE OR REPLACE FUNCTION otel_pipeline_visits_v1 ${ON_CLUSTER} AS (
    services, root_service, root_operation, self_services, self_operations, self_calls, callers, callees, edge_operations, edge_calls
) ->
    arrayMap(
        visit -> arrayMap(
            entries -> (
                entries,
                greatest(1, arraySum(x -> if(x.1 % 4 = 1, x.3, 0), visit)),
                arrayMap(
                    did -> arrayMap(r -> arrayZip(r.1, r.2), [arrayReduce('sumMap', [did.2], [did.3])])[1],
                    [arrayFilter(x -> x.2 != '' AND (x.1 % 4 = 3 OR x.1 % 4 = 2 AND NOT has(entries, x.2)), visit)]
                )[1]
            ),
            [arraySort(arrayDistinct(arrayFilter(x -> x.1 % 4 = 1, visit).2))]
        )[1],
        arrayPopFront(arraySplit(x -> x.1 % 4 = 0, arraySort(x -> x.1, arrayConcat(
            arrayMap(i -> (toUInt32(4 * i), '', toUInt32(0)), range(length(services) + 1)), -- 0: calls of others, which are left out
            arrayMap((b, o, n) -> (toUInt32(4 * indexOf(services, b) + 1), toString(o), n), callees, edge_operations, edge_calls),
            [(toUInt32(4 * indexOf(services, root_service) + 1), toString(root_operation), toUInt32(0))],
            arrayMap((s, o, n) -> (toUInt32(4 * indexOf(services, s) + 2), toString(o), n), self_services, self_operations, self_calls),
            arrayMap(
                (a, b, o, n) -> (toUInt32(4 * indexOf(services, a) + 3), concat(toString(b), ' ', toString(o)), n),
                callers, callees, edge_operations, edge_calls
            )
        ))))
    )
