"""Statistics that bear trouble in what they are compared with."""

import math

import pytest

from otel_pipeline.detection import robust, timing


def test_deviance_is_about_standard_normal():
    n, p = 400, 0.1
    sigma = math.sqrt(n * p * (1 - p))
    assert robust.deviance(40, n, p) == 0
    assert robust.deviance(round(40 + 2 * sigma), n, p) == pytest.approx(2, abs=0.15)
    assert robust.deviance(round(40 - 2 * sigma), n, p) == pytest.approx(-2, abs=0.15)


def test_a_usual_share_is_that_of_quiet_times():
    quiet = [(2, 50), (0, 50), (1, 50), (3, 50), (1, 50), (2, 50)]
    assert robust.usual(quiet) == pytest.approx(9.5 / 301)
    assert robust.usual([*quiet, (30, 50), (25, 40)]) == robust.usual(quiet)
    assert 0 < robust.usual([(0, 50)]) < 0.02
    assert robust.usual([(50, 50), (50, 50)]) > 0.9
    assert robust.usual([]) == 0.5


def test_what_varies_by_nature_scales_itself():
    assert robust.calibrated(6.0, [0.1, -0.2, 0.3]) == 6.0
    assert robust.calibrated(6.0, [4.0, -5.0, 3.0, 4.5, -4.0]) < 1.5
    assert robust.calibrated(6.0, []) == 6.0


def test_a_window_with_too_few_observations_says_nothing():
    course = timing.Course({0: (1, 9.0), 1: (50, 5.0), 2: (50, 5.0)}, spread=0.1)
    assert timing.deviations(course, 0, [1, 2]) == {}
    assert timing.combined([{}], 0) == (0.0, 0.0)
    alone = timing.Course({0: (50, 9.0)}, spread=0.1)
    assert timing.deviations(alone, 0, [1, 2]) == {}
