-- Grain: one row. Called by detection.causes: the keys by which causes__odd knows odd patterns.
SELECT arrayMap(
    (w, s, e, p) -> cityHash64(toUInt32(w), toLowCardinality(s), e, p),
    {windows:Array(UInt32)}, {services:Array(String)}, {entries:Array(UInt64)}, {patterns:Array(UInt64)}
) AS Keys
