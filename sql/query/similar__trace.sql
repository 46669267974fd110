-- Grain: one row, empty where there is no such trace. Called by investigate.similar: where and when the trace was.
SELECT
    min(Timestamp) AS Start,
    max(Timestamp) AS End,
    arraySort(groupUniqArray(ServiceName)) AS Services,
    arrayDistinct(arrayFilter(m -> m != '', groupArray(10)(if(otel_pipeline_failed_v1(StatusCode, SpanAttributes, `Events.Name`, `Events.Attributes`), otel_pipeline_mask_v1(
        if(StatusMessage != '', StatusMessage, arrayLast(e -> e != '', arrayMap(a -> a['exception.message'], `Events.Attributes`)))
    ), '')))) AS Messages
FROM otel_traces
WHERE TraceId = {trace_id:String}
HAVING count() > 0
