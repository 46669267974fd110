"""Whom an incident is blamed on: the causes of its window, told with the reasons of its traces."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import causes, said
from otel_pipeline.detection.calls import below
from otel_pipeline.detection.model import Window

SLICES = 20
LONGEST = timedelta(minutes=10)
SHORTEST = timedelta(seconds=20)
APART = timedelta(seconds=10)
# What begins at a service says most; that others gave up waiting for it, less; what passes through it, next to nothing.
TELLING = {
    "begins": 1.0,
    "latency": 0.8,
    "duration": 0.1,
    "network": 0.8,
    "error": 0.4,
    "template": 0.3,
    "passes": 0.1,
    "conduct": 0.2,
    "calls": 0.2,
    "structure": 0.1,
}
WORDS = {
    "latency": "{what} in {operation}: {observed:.1f}, usually {expected:.1f}",
    "duration": "{what} in {operation}: {observed:.1f}, usually {expected:.1f}",
    "network": "{what}, from {operation}: {observed:.1f}, usually {expected:.1f}",
    "template": "log line seldom or never seen: {what}",
    "error": "{what} ({operation})",
    "conduct": "{what} (entered by {operation})",
    "calls": "{what}, {observed:.1f} times (entered by {operation}), usually {expected:.1f}",
    "structure": "{what} ({operation})",
}


@dataclass(frozen=True)
class Cause:
    """A service, and how strongly the evidence points at it.

    :param score: standard deviations; see :mod:`causes`.
    :param confidence: its share of the evidence of all services, 0 to 1.
    :param why: the strongest evidence, in words.
    """

    service: str
    score: float
    confidence: float
    why: str


def slices(window: Window, earliest: datetime, busy: Sequence[Window] = ()) -> list[Window]:
    """Stretches of time before the window, as long as it is, for comparison.

    :param earliest: when traffic began.
    :param busy: times of other trouble, to be left out.
    """
    length = min(max(window.end - window.start, SHORTEST), LONGEST)
    found: list[Window] = []
    end = window.start - APART
    while end - length >= earliest and len(found) < SLICES:
        piece = Window(end - length, end)
        trouble = [other.start for other in busy if other.start < piece.end and other.end > piece.start]
        if trouble:
            end = min(*trouble, end - timedelta(seconds=1)) - APART
            continue
        found.append(piece)
        end -= length
    return found


def weigh(db: Database, window: Window, references: Sequence[Window]) -> list[causes.Suspect]:
    """All services seen in the window, the likeliest cause first; without references an empty list."""
    windows = [window, *references]
    others = list(range(1, len(windows)))
    compared = [others, *([other for other in others if other != number] for number in others)]
    evidence = causes.gather(db, windows, compared)
    held = [number for number in others if any(number in course for course in evidence.visits.values())]
    return causes.rank(evidence, 0, held) if held else []


def believed(
    db: Database, window: Window, references: Sequence[Window], suspects: list[causes.Suspect]
) -> list[causes.Suspect]:
    """The suspects; but one that says something else than before, though it did not fail, comes before one that behaves
    oddly upon it.
    """
    if not suspects or not said.may_believe(suspects[0]):
        return suspects
    calls = {suspect.service: sorted(suspect.calls) for suspect in suspects}
    asked = below(suspects[0].service, calls)
    rows = {row["Service"]: row for row in reversed(said.changed(db, window, references, asked))}
    order = [suspect.service for suspect in suspects if suspect.service in asked]
    name = said.believed(order, rows, lambda service: below(service, calls))
    if name is None:
        return suspects
    told = f"says {rows[name]['Example'][: said.LINE]!r}, before {rows[name]['UsualExample'][: said.LINE]!r}"
    mine = next(suspect for suspect in suspects if suspect.service == name)
    head = replace(mine, score=suspects[0].score + 0.01, says=told)
    return [head, *(other for other in suspects if other is not mine)]


def rank(suspects: Sequence[causes.Suspect], reasons: Sequence[dict[str, Any]]) -> list[Cause]:
    """Suspects as causes with words.

    :param reasons: rows of ``incidents__reasons``; the strongest first. Without suspects, they alone decide.
    """
    if not suspects:
        return _by_reasons(reasons)
    weights = {s.service: max(0.0, s.score - causes.NOISE) ** 2 for s in suspects}
    total = sum(weights.values()) or 1.0
    return [
        Cause(s.service, round(s.score, 4), round(weights[s.service] / total, 4), why(s, reasons)) for s in suspects
    ]


def why(suspect: causes.Suspect, reasons: Sequence[dict[str, Any]]) -> str:
    """The strongest evidence against a service, in words."""
    if suspect.says:
        return suspect.says
    mine = [row for row in reasons if row["Service"] == suspect.service and row["Kind"] != "structure"]
    if mine:
        return words(max(mine, key=_telling))
    if suspect.score == suspect.time:
        return f"its self time is {suspect.slower:.1f} times as long"
    if suspect.score == suspect.way:
        return f"the network gap to it is {suspect.longer:.1f} times as long"
    if suspect.change.score > suspect.conduct:
        return suspect.change.words
    return f"{suspect.odd_visits} of {suspect.visits} visits went as they seldom do"


def _telling(reason: dict[str, Any]) -> float:
    """How much a reason says about its service as the cause: how many traces, how odd, and what kind."""
    what = reason["What"]
    kind = (
        "begins" if what.startswith("error begins") else "passes" if what.startswith("error passes") else reason["Kind"]
    )
    return TELLING[kind] * reason["Traces"] * reason["Surprise"]


def words(reason: dict[str, Any]) -> str:
    """A reason in words."""
    return WORDS[reason["Kind"]].format(
        what=reason["What"], operation=reason["Operation"], observed=reason["Observed"], expected=reason["Expected"]
    )


def _by_reasons(reasons: Sequence[dict[str, Any]]) -> list[Cause]:
    """Where there is nothing to compare with: who the reasons point at."""
    score: dict[str, float] = {}
    best: dict[str, dict[str, Any]] = {}
    for row in reasons:
        service = row["Service"]
        score[service] = score.get(service, 0.0) + _telling(row)
        best[service] = max(best.get(service, row), row, key=_telling)
    total = sum(score.values()) or 1.0
    order = sorted(score.items(), key=lambda item: (-item[1], item[0]))
    return [Cause(service, 0.0, round(value / total, 4), words(best[service])) for service, value in order]
