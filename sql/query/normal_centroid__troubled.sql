-- Grain: an incident × an operation that it affected. Key: the same. Called by detection.normal_centroid: trouble of earlier hours, not to be learned from.
SELECT Start, End, arrayJoin(Operations) AS Operation
FROM incidents
WHERE Hour >= toStartOfHour({start:DateTime}) AND Hour < {until:DateTime}
ORDER BY Start, Operation
