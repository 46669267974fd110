"""When nearly all traffic became unusual."""

import random

from otel_pipeline.detection import shifts
from otel_pipeline.detection.segments import Bin


def course(*parts: tuple[int, int, float], seed: int = 1) -> list[Bin]:
    """(bins, traces a bin, share of unusual ones), one after another."""
    rng = random.Random(seed)
    bins: list[Bin] = []
    for count, traces, share in parts:
        bins += [
            Bin(len(bins) + i, traces, 0, 0, sum(rng.random() < share for _ in range(traces))) for i in range(count)
        ]
    return bins


def test_ordinary_traffic_has_no_shift_even_where_much_of_it_is_unusual():
    assert shifts.find(course((300, 6, 0.2))) == []
    assert shifts.find(course((300, 6, 0.4))) == []


def test_nearly_all_unusual_is_a_shift_with_its_ends():
    (found,) = shifts.find(course((60, 6, 0.15), (8, 6, 0.97), (60, 6, 0.15)))
    assert abs(found.first - 60) <= 1
    assert abs(found.last - 67) <= 1
    assert found.surprise > 20


def test_a_few_traces_or_half_of_them_are_no_shift():
    assert shifts.find(course((60, 6, 0.15), (3, 6, 1.0), (60, 6, 0.15))) == []
    assert shifts.find(course((60, 6, 0.15), (20, 6, 0.5), (60, 6, 0.15))) == []
