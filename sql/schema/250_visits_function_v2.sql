-- What the services of a trace did, each in one visit, as otel_pipeline_visits_v1 tells it, at a third of the cost: a lambda that looks a service up in an
-- array gets a copy of it for each element. Places in Services are numbered at once instead: whoever appears first comes first.
-- Codes: four times the place of the service, and 0 where its part begins, 1 for an entry, 2 for an operation of its own, 3 for a call; 0: of others.
-- Called by trace_summaries.
CREATE OR REPLACE FUNCTION otel_pipeline_visits_v2 ${ON_CLUSTER} AS (
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
        arraySplit(x -> x.1 % 4 = 0, arraySort(x -> x.1, arrayFilter(x -> x.1 > 0, arrayZip(
            arrayMap(
                (place, code) -> if(place > length(services), 0, 4 * place + code),
                arrayEnumerateDense(arrayConcat(services, [root_service], self_services, callees, callers)),
                arrayConcat(
                    arrayWithConstant(length(services), 0), [1], arrayWithConstant(length(self_services), 2),
                    arrayWithConstant(length(callees), 1), arrayWithConstant(length(callers), 3)
                )
            ),
            arrayConcat(
                arrayWithConstant(length(services), ''), [root_operation], self_operations, edge_operations,
                arrayMap((b, o) -> concat(b, ' ', o), callees, edge_operations)
            ),
            arrayConcat(arrayWithConstant(length(services) + 1, toUInt32(0)), self_calls, edge_calls, edge_calls)
        ))))
    )
