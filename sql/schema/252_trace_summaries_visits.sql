-- trace_summaries gets the visits of a trace, one for each of its Services: how the service was entered and what it did, worked out once, as the trace is
-- written. Entry, Calls, Errors and Conduct are the keys of normal_behavior; Children and Calls are of otel_pipeline_visits_v2 and otel_pipeline_calls_v1.
ALTER TABLE trace_summaries ${ON_CLUSTER}
    ADD COLUMN IF NOT EXISTS Visits
        Array(Tuple(Entries Array(String), Entry UInt64, Times UInt64, Children Array(Tuple(Name String, Times UInt64)), Calls UInt64, Errors UInt64, Conduct UInt64))
        MATERIALIZED arrayMap(
            (service, visit) -> (
                visit.1,
                cityHash64(visit.1, Environment),
                visit.2,
                visit.3,
                otel_pipeline_calls_v1(visit.3, visit.2),
                cityHash64(arrayDistinct(arrayFilter((e, s) -> s = service, arrayZip(`Error.Operation`, `Error.Type`), `Error.Service`))),
                otel_pipeline_conduct_v2(
                    service, `Template.Id`, `Template.Service`, `Template.Count`, arrayZip(`Error.Operation`, `Error.Type`, `Error.Origin`), `Error.Service`
                )
            ),
            Services,
            otel_pipeline_visits_v2(
                Services, RootService, RootOperation, `Self.Service`, `Self.Operation`, `Self.Calls`,
                `Edge.Caller`, `Edge.Callee`, `Edge.Operation`, `Edge.Calls`
            )
        )
        COMMENT 'What each of Services did: operations that it was entered by, and how often; what it did and called itself; hashes of how it behaved' CODEC(ZSTD(1))
        AFTER `Template.Count`
