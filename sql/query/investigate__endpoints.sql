-- Grain: entry: operations by which a service was entered. Key: Entry. Called by investigate.status: visits by window, and the
-- median of its own work in twenty pieces of the time from the first reference to the end, to tell a slow drift.
WITH
    arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
    arrayMin({starts:Array(DateTime64(3))}) AS First,
    arrayMax({ends:Array(DateTime64(3))}) AS Last
SELECT
    Entry,
    sumMap(ByWindow) AS Visits,
    arrayMap(p -> p.2, arraySort(groupArrayIf((Piece, Own), Count >= 8))) AS Course
FROM
(
    SELECT
        arrayStringConcat(Entries, ', ') AS Entry,
        intDiv(20 * date_diff('millisecond', First, Timestamp), greatest(1, date_diff('millisecond', First, Last))) AS Piece,
        sumMap(map(toUInt32(Window - 1), toUInt64(1))) AS ByWindow,
        count() AS Count,
        quantileExact(0.5)(OwnNs / Calls) / 1e6 AS Own
    FROM service_visits
    WHERE Hour >= toStartOfHour(First) AND Hour <= toStartOfHour(Last) AND Window > 0 AND Service = {service:String}
    GROUP BY Entry, Piece
)
GROUP BY Entry
ORDER BY sum(Count) DESC, Entry
LIMIT 50
