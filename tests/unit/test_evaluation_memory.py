"""How the memory is measured: what counts as known again, and what as falsely recalled."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from otel_pipeline.detection.memory import Pattern
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.recall import Recall
from otel_pipeline.errors import UserError
from otel_pipeline.evaluation.memory import Case, evaluate, figures

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def case(scenario: str, service: str, minute: int) -> Case:
    window = Window(NOW + timedelta(minutes=minute), NOW + timedelta(minutes=minute + 1))
    return Case(
        scenario, window.start if scenario else None, window, Pattern(uuid.uuid4(), window.start, "s", "m", service)
    )


CASES = [
    case("leak", "stock", 0),
    case("refusal", "payment", 2),
    case("leak", "stock", 4),
    case("refusal", "payment", 6),
    case("", "payment", 8),
]


def by_service(asked: Case, known: Sequence[Pattern]) -> Recall:
    """A memory that takes every trouble of a service for the one it knows there."""
    found = next((pattern for pattern in known if pattern.service_name == asked.pattern.service_name), None)
    return Recall(found, "same service")


def test_the_second_time_is_recall_and_what_was_never_seen_must_not_be():
    found = figures(CASES, by_service)
    assert (found["scenarios"], found["again"], found["recall_at_1"]) == (2, 2, 1.0)
    # Each case once without its own scenario in the memory; the incident without a fault is taken for the refusal.
    assert (found["unseen"], found["false_recall"]) == (5, 0.2)
    wrong = [row for row in found["cases"]["unseen"] if not row["right"]]
    assert [(row["scenario"], row["recalled"]) for row in wrong] == [("", "refusal")]


def test_a_memory_that_says_nothing_recalls_nothing_and_nothing_falsely():
    found = figures(CASES, lambda _case, _known: Recall(None, "no known pattern"))
    assert (found["recall_at_1"], found["false_recall"]) == (0.0, 0.0)


def test_all_incidents_of_the_first_fault_are_learned_and_none_of_them_is_its_second_time():
    first = case("leak", "stock", 0)
    rest = replace(case("leak", "cart", 1), fault=first.fault)
    found = figures([first, rest, case("leak", "cart", 4)], by_service)
    assert (found["again"], found["recall_at_1"]) == (1, 1.0)


def test_another_scenario_is_no_recall():
    swapped = [case("leak", "stock", 0), case("refusal", "stock", 2), case("refusal", "stock", 4)]
    assert figures(swapped, by_service)["recall_at_1"] == 0.0


def test_without_a_second_time_there_is_no_figure():
    assert figures(CASES[:2], by_service)["recall_at_1"] is None


def test_a_folder_that_is_no_stack_gets_an_answer(tmp_path: Path):
    with pytest.raises(UserError, match="no OTEL_PIPELINE_HOME"):
        evaluate([tmp_path])
