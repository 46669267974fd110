"""The figures that evaluations print, against scikit-learn and by hand."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from otel_pipeline.detection.model import Window
from otel_pipeline.evaluation import detect, rca
from otel_pipeline.evaluation.figures import Figures
from otel_pipeline.evaluation.labelled import Case

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
CASE = Case(Window(START, START + timedelta(seconds=180)), "stock")


def test_ap_auc_and_f1_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = random.Random(5)
    truth = [rng.random() < 0.3 for _ in range(500)]
    scores = [round(rng.gauss(1.0 if t else 0.0, 1), 1) for t in truth]
    flags = [score > 1 for score in scores]
    own = detect.figures(truth, scores, flags)
    assert own.ap == pytest.approx(metrics.average_precision_score(truth, scores), abs=1e-4)
    assert own.auc == pytest.approx(metrics.roc_auc_score(truth, scores), abs=1e-4)
    assert own.f1 == pytest.approx(metrics.f1_score(truth, flags), abs=1e-4)


def test_without_labels_there_are_no_figures():
    assert detect.figures([None, None], [1.0, 2.0], [True, False]) == Figures(None, None)


@pytest.mark.parametrize(
    ("offset", "services", "label"),
    [
        (10, ["edge", "stock"], True),
        (10, ["edge"], None),
        (-59, ["edge"], None),
        (-61, ["stock"], False),
        (479, ["edge"], None),
        (481, ["edge"], False),
    ],
)
def test_which_traces_are_faulty_normal_or_neither(offset: float, services: list[str], label: bool | None):
    assert detect.label(START + timedelta(seconds=offset), services, [CASE]) is label


def test_blank_labels_are_no_labels():
    assert detect.label(START - timedelta(hours=2), ["edge"], [Case(CASE.window, "")]) is None


def test_ties_take_the_mean_rank():
    assert rca.mean_rank("b", {"a": 3.0, "b": 2.0, "c": 2.0, "d": 1.0}) == 2.5
    assert rca.shares(["b", ""], [{"a": 1.0, "b": 1.0}, {"a": 1.0}]) == {"as1": 0.0, "as3": 1.0, "as5": 1.0}
    assert rca.shares([""], [{"a": 1.0}]) == {"as1": None, "as3": None, "as5": None}
