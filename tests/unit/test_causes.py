"""Whom to blame."""

import math

import pytest

from otel_pipeline.detection import causes
from otel_pipeline.detection.causes import Evidence


def test_the_deepest_odd_service_is_blamed_on_every_path():
    calls = [("edge", "cart"), ("edge", "pay"), ("pay", "stock"), ("cart", "stock")]
    assert causes.deepest(["edge", "pay", "stock"], calls) == ["stock"]
    assert causes.deepest(["cart", "pay"], calls) == ["cart", "pay"]
    assert causes.deepest(["edge"], calls) == ["edge"]


def test_a_cycle_of_calls_ends_and_blames_both():
    assert causes.deepest(["a", "b"], [("a", "b"), ("b", "a")]) == []


def test_deviance_is_about_standard_normal():
    n, p = 400, 0.1
    sigma = math.sqrt(n * p * (1 - p))
    assert causes.deviance(40, n, p) == 0
    assert causes.deviance(round(40 + 2 * sigma), n, p) == pytest.approx(2, abs=0.15)
    assert causes.deviance(round(40 - 2 * sigma), n, p) == pytest.approx(-2, abs=0.15)


def evidence(blamed: dict[str, dict[int, int]], callers: dict[str, set[str]] | None = None) -> Evidence:
    """Six windows of 50 visits to each service."""
    return Evidence(
        windows=6, visits={s: dict.fromkeys(range(6), 50) for s in blamed}, blamed=blamed, callers=callers or {}
    )


def test_what_is_odd_in_all_windows_is_not_to_blame():
    noisy, quiet = dict.fromkeys(range(6), 20), {0: 15}
    ranking = causes.rank(evidence({"noisy": noisy, "broken": quiet}), 0, range(1, 6))
    assert [s.service for s in ranking] == ["broken", "noisy"]
    assert ranking[0].score > 5
    assert ranking[1].score < 1


def test_a_callee_goes_before_the_caller_that_it_cannot_be_told_apart_from():
    blamed = {"caller": {0: 9}, "callee": {0: 8}}
    assert causes.rank(evidence(blamed), 0, range(1, 6))[0].service == "caller"
    assert causes.rank(evidence(blamed, {"callee": {"caller"}}), 0, range(1, 6))[0].service == "callee"
    far = {"caller": {0: 30}, "callee": {0: 8}}
    assert causes.rank(evidence(far, {"callee": {"caller"}}), 0, range(1, 6))[0].service == "caller"


def test_a_pattern_is_odd_only_where_it_is_clearly_more_frequent():
    found = Evidence(windows=3)
    found.patterns = {("s", 1): {7: {0: 30, 1: 30, 2: 30}, 8: {0: 10}, 9: {0: 1}}}
    assert causes.odd_patterns(found, [[1, 2], [0, 2], [0, 1]]) == [(1, "s", 1, 8)]
