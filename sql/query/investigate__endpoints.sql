-- Grain: entry: operations by which a service was entered. Key: Entry. Called by investigate.status: visits in the first window and in the others, and the
-- median of its own work in twenty pieces of the time from the first reference to the end, to tell a slow drift.
WITH
    arrayFirstIndex((a, b) -> Timestamp >= a AND Timestamp < b, {starts:Array(DateTime64(3))}, {ends:Array(DateTime64(3))}) AS Window,
    arrayMin({starts:Array(DateTime64(3))}) AS First,
    arrayMax({ends:Array(DateTime64(3))}) AS Last
SELECT
    Entry,
    sum(Now) AS Visits,
    sum(Earlier) AS Before,
    arrayMap(p -> p.2, arraySort(groupArrayIf((Piece, Own), Now + Earlier >= 8))) AS Course
FROM
(
    SELECT
        arrayStringConcat(Entries, ', ') AS Entry,
        intDiv(20 * date_diff('millisecond', First, Timestamp), greatest(1, date_diff('millisecond', First, Last))) AS Piece,
        countIf(Window = 1) AS Now,
        countIf(Window > 1) AS Earlier,
        quantileExact(0.5)(OwnNs / Calls) / 1e6 AS Own
    FROM service_visits
    WHERE Hour >= toStartOfHour(First) AND Hour <= toStartOfHour(Last) AND Window > 0 AND Service = {service:String}
    GROUP BY Entry, Piece
)
GROUP BY Entry
ORDER BY Visits + Before DESC, Entry
LIMIT 50
