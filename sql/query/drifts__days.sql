-- Grain: a window in which its service was visited often enough to tell something. Key: Window, numbered from 1. Called by detection.drifts: which earlier
-- days can tell of a habit at all. Windows may overlap; each has a service of its own.
SELECT
    arrayJoin(arrayFilter(
        (i, a, b, service) -> Timestamp >= a AND Timestamp < b AND has(Services, service),
        arrayEnumerate({starts:Array(DateTime64(3))}), {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}, {services:Array(String)}
    )) AS Window
FROM trace_summaries
WHERE Hour IN {hours:Array(DateTime)}
GROUP BY Window
HAVING count() >= {least:UInt32}
ORDER BY Window
