"""Quiet and troubled times."""

import random

from otel_pipeline.detection import segments
from otel_pipeline.detection.segments import Bin, Usual

USUAL = Usual(0.01, 0.0025)


def course(*parts: tuple[int, int, int, int]) -> list[Bin]:
    """(bins, traces a bin, anomalous a bin, strong a bin), one after another."""
    bins: list[Bin] = []
    for count, traces, anomalous, strong in parts:
        bins += [Bin(len(bins) + i, traces, anomalous, strong) for i in range(count)]
    return bins


def test_anomalies_at_the_usual_rate_are_no_incident():
    rng = random.Random(3)
    bins = [Bin(i, 50, k := sum(rng.random() < 0.01 for _ in range(50)), int(k > 1)) for i in range(720)]
    assert segments.find(bins, USUAL) == []


def test_a_storm_is_one_segment_with_its_ends():
    found = segments.find(course((100, 50, 0, 0), (12, 50, 40, 40), (100, 50, 0, 0)), USUAL)
    assert [(s.first, s.last, s.anomalous) for s in found] == [(100, 111, 480)]
    assert found[0].surprise > 100


def test_a_pause_with_healthy_traffic_splits_and_one_without_traffic_does_not():
    storm = (8, 10, 9, 9)
    split = segments.find(course((50, 10, 0, 0), storm, (6, 10, 0, 0), storm, (50, 10, 0, 0)), USUAL)
    silent = segments.find(course((50, 10, 0, 0), storm, (6, 0, 0, 0), storm, (50, 10, 0, 0)), USUAL)
    assert len(split) == 2
    assert len(silent) == 1


def test_few_failures_in_much_traffic_are_found_when_they_are_strong():
    quiet, some = (60, 20, 0, 0), (8, 20, 3, 3)
    assert len(segments.find(course(quiet, some, quiet), USUAL)) == 1
    assert segments.find(course(quiet, (1, 20, 1, 1), quiet), USUAL) == []


def test_burst_surprise_is_nothing_below_the_usual_share():
    assert segments.burst_surprise(1000, 10, 0.01) == 0
    assert segments.burst_surprise(10, 10, 0.01) == 20


def test_a_trickle_after_a_storm_is_another_trouble_when_a_pause_lies_between():
    storm, pause, trickle = (6, 10, 9, 9), (6, 10, 0, 0), (8, 12, 2, 2)
    found = segments.find(course((60, 10, 0, 0), storm, pause, trickle, (60, 10, 0, 0)), USUAL)
    assert [(s.first, s.last) for s in found] == [(60, 65), (72, 79)]
