"""What services do given that they were called, held against other windows; and when that is trouble."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from otel_pipeline.detection import behavior, changes, drifts

WINDOWS = 21
START = datetime(2026, 11, 26, 8, tzinfo=UTC)


def row(service: str, kind: str, part: str, times: list[float], values: list[float] | None = None) -> dict[str, Any]:
    """A row of ``behavior__courses``: fifty visits a window, with these times (and, of times, ln of the mean)."""
    traces = [50.0 if n else 0.0 for n in times] if kind in ("self", "gap") else times
    mean = np.array(values or [0.0] * len(times))
    return {
        "Service": service,
        "Class": 1,
        "Kind": kind,
        "Part": part,
        "Windows": list(range(1, len(times) + 1)),
        "Traces": traces,
        "Totals": list(mean * traces),
        "Squares": list((mean**2 + 0.01) * traces),
        "Times": times,
        "BinWindows": [],
        "Bins": [],
        "BinTraces": [],
    }


def courses(*rows: dict[str, Any]) -> behavior.Courses:
    services = {row["Service"] for row in rows}
    visits = [row(service, "visits", "", [50.0] * WINDOWS) for service in sorted(services)]
    return behavior.load([*visits, *rows], WINDOWS)


def changed(*rows: dict[str, Any]) -> dict[str, changes.Changes]:
    """The changes of window 0 against the others."""
    return changes.of_window(behavior.deviations(courses(*rows), range(1, WINDOWS)), 0)


def usual(first: float, rest: float) -> list[float]:
    return [first] + [rest] * (WINDOWS - 1)


@pytest.mark.parametrize(("now", "kind"), [(0.0, "calls"), (150.0, "calls")])
def test_calls_that_are_missing_are_evidence_like_those_that_are_too_many(now: float, kind: str) -> None:
    found = changed(row("front", "calls", "stock", usual(now, 50.0)))
    assert found["front"].strongest.kind == kind
    assert found["front"].strongest.score > 5


def test_as_many_calls_as_usual_are_none() -> None:
    assert changed(row("front", "calls", "stock", usual(51.0, 50.0)))["front"].strongest.score < 1


def test_shorter_is_evidence_too() -> None:
    values = [np.log(1e6)] + [np.log(2e7)] * (WINDOWS - 1)
    found = changed(row("stock", "self", "check", [50.0] * WINDOWS, values))
    assert found["stock"].strongest.score > 5
    assert "earlier" in found["stock"].strongest.words


def test_a_change_that_a_callee_explains_is_left_to_it() -> None:
    callees = {"front": {"stock"}}
    rows = (row("front", "calls", "mail", usual(0.0, 50.0)), row("stock", "error", "Timeout", usual(40.0, 0.0)))
    found = changed(*rows)
    scores = changes.scores({"front": 0.0, "stock": 0.0}, found, callees, {})
    assert scores["stock"] > scores["front"]


def test_what_a_callee_does_once_it_is_no_longer_called_as_usual_explains_nothing() -> None:
    callees = {"front": {"stock"}, "stock": {"store"}}
    rows = (row("front", "calls", "stock", usual(5.0, 50.0)), row("stock", "calls", "store", usual(5.0, 50.0)))
    found = changed(*rows)
    scores = changes.scores({"front": 0.0, "stock": 0.0}, found, callees, {})
    assert scores["front"] == found["front"].induced.score


def test_a_service_that_nobody_reaches_is_a_candidate_unless_its_caller_ends_early() -> None:
    callees = {"front": {"stock", "mail"}}
    calls = row("front", "calls", "stock", usual(0.0, 50.0))
    others = row("front", "calls", "mail", usual(50.0, 50.0))
    assert set(changes.absent(changed(calls, others), callees, {"front", "mail"})) == {"stock"}
    early = row("front", "self", "SELECT", usual(0.0, 50.0), usual(14.0, 14.0))
    assert changes.absent(changed(calls, others, early), callees, {"front", "mail"}) == {}


def test_few_quiet_windows_ask_for_more() -> None:
    assert drifts.bound(8) > drifts.bound(60) > drifts.PARAMS.bound


def test_too_few_quiet_windows_judge_nothing() -> None:
    few = courses(row("front", "calls", "stock", usual(0.0, 50.0)))
    assert drifts.judge(few, range(1, 5), [0]) == [(("", "", ""), 0.0, 0.0)]
    ((key, deviation, limit),) = drifts.judge(few, range(1, WINDOWS), [0])
    assert key == ("front", "calls", "stock")
    assert deviation > limit > 0


def test_anomalous_traces_that_point_at_the_service_are_further_evidence() -> None:
    slightly = courses(row("front", "calls", "stock", usual(20.0, 50.0)))
    traces = np.full(WINDOWS, 50.0)
    counts = np.array(usual(6.0, 0.0))

    def judge(pointed: drifts.Pointed | None) -> tuple[float, float]:
        ((_, deviation, limit),) = drifts.judge(slightly, range(1, WINDOWS), [0], pointed=pointed)
        return deviation, limit

    alone, limit = judge(None)
    assert 2.5 < alone < limit
    assert judge(({"front": counts}, traces))[0] > limit
    assert judge(({"stock": counts}, traces))[0] == alone, "at another service"
    assert judge(({"front": counts + np.array(usual(0.0, 6.0))}, traces))[0] == alone, "as many as always"


def judged(minute: int, deviation: float) -> drifts.Judged:
    return drifts.Judged(START + timedelta(minutes=minute), 10, ("front", "calls", "stock"), deviation, 6.0)


def test_what_stands_out_again_and_again_is_learned() -> None:
    twice = [judged(0, 9), judged(1, 9), judged(20, 9)]
    assert drifts.recurring(twice) == set()
    assert drifts.recurring([*twice, judged(40, 9)]) == {("front", "calls", "stock")}


def test_minutes_in_trouble_are_joined_over_one_that_is_not() -> None:
    found = drifts.drifts([judged(0, 1), judged(1, 9), judged(2, 1), judged(3, 8), judged(6, 7), judged(9, 2)])
    assert [drift.window.start.minute for drift in found] == [0, 5]
    assert found[0].deviation == 9


def test_windows_that_slide_hold_what_the_minutes_hold() -> None:
    single = courses(row("front", "calls", "stock", [float(n) for n in range(WINDOWS)]))
    together = behavior.sliding(single, 3)
    assert together.times[0, 2:].tolist() == [n + n - 1 + n - 2 for n in range(2, WINDOWS)]
    some = behavior.selected(together, [5, 2])
    assert some.times[0].tolist() == [12.0, 3.0]
