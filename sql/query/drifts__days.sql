-- Grain: a window in which a service was visited. Key: Window, numbered from 1. Called by detection.drifts: whether earlier days can tell of a habit at all.
SELECT
    arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
    count() AS Visits
FROM trace_summaries
WHERE Hour IN {hours:Array(DateTime)} AND Window > 0 AND has(Services, {service:String})
GROUP BY Window
