"""What changed in a service's behavior, and whether somebody it calls explains it.

Some changes can only begin at the service itself (slow visits, errors that begin there). Others can be brought about by
those it calls: it calls others less often, leaves out steps or ends early, because it was answered badly. Such a change is
left to a callee that changed at least half as much. But where a service no longer calls somebody as usual, what that one
then does differently (other steps, other calls) is the caller's doing, and explains nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

from otel_pipeline.detection.behavior import Deviations
from otel_pipeline.detection.calls import below


@dataclass(frozen=True)
class Params:
    """How kinds of change weigh beside one another, and when one explains another.

    :param faster, lines: weight of shorter times, and of log lines, against others: less telling.
    :param half: part of a service's change that a callee's must reach to explain it.
    :param moved: standard deviations from which calls to somebody are no longer as usual.
    """

    faster: float = 0.7
    lines: float = 0.5
    half: float = 0.5
    moved: float = 3.0


PARAMS = Params()
LOCAL = frozenset({"self_slow", "error"})


@dataclass(frozen=True)
class Change:
    """What a service does unlike before.

    :param score: standard deviations, weighed. :param kind: of :class:`behavior.Deviations`; part: operation, callee, type.
    :param times: observed as a multiple of expected.
    """

    score: float
    kind: str
    part: str
    times: float

    @property
    def words(self) -> str:
        """The change in words, without the service's name."""
        much = f"{self.times:.1f} times as often" if self.times >= 1 else f"{self.times:.2f} times as often"
        match self.kind:
            case "self_slow":
                return f"slow requests in {self.part} are {self.times:.0f} times as frequent as usual"
            case "self" if self.times > 1:
                return f"self time in {self.part} is {self.times:.1f} times as long as usual"
            case "self" | "self_fast":
                return f"{self.part} ends earlier than usual"
            case "calls":
                return f"calls {self.part} {much} as usual"
            case "steps":
                return f"runs {self.part} {much} as usual"
            case "error":
                return f"errors begin here {much} as usual: {self.part}"
            case "lines":
                return f"a log line comes {much} as usual"
            case "entry":
                return "requests come in by operations that were not known before"
            case _:
                return "requests leave out steps or calls, or take others than usual"


NONE = Change(0.0, "", "", 1.0)


@dataclass(frozen=True)
class Changes:
    """The strongest changes of one service: those that begin there, and those that a callee may have brought about."""

    local: Change = NONE
    induced: Change = NONE
    moved: frozenset[str] = frozenset()

    @property
    def strongest(self) -> Change:
        """The stronger of both."""
        return max(self.local, self.induced, key=lambda change: change.score)


def of_window(deviations: Deviations, window: int, params: Params = PARAMS) -> dict[str, Changes]:
    """The changes of each service in one window."""
    local: dict[str, Change] = {}
    induced: dict[str, Change] = {}
    moved: dict[str, set[str]] = defaultdict(set)
    for (service, kind, part), z, times in zip(
        deviations.keys, deviations.z[:, window], deviations.times[:, window], strict=True
    ):
        if not isfinite(z) or kind.startswith("gap"):
            continue
        score = _weight(kind, float(z), params)
        change = Change(score, kind, part, float(times))
        of = local if kind in LOCAL or (kind == "self" and z > 0) else induced
        if score > of.get(service, NONE).score:
            of[service] = change
        if kind == "calls" and abs(z) >= params.moved:
            moved[service].add(part)
    return {
        service: Changes(local.get(service, NONE), induced.get(service, NONE), frozenset(moved[service]))
        for service in {*local, *induced}
    }


def _weight(kind: str, z: float, params: Params) -> float:
    match kind:
        case "self":
            return max(z, -z * params.faster)
        case "self_fast":
            return z * params.faster
        case "lines":
            return abs(z) * params.lines
        case "steps" | "calls":
            return abs(z)
        case _:
            return z


def scores(
    others: Mapping[str, float], changes: Mapping[str, Changes], callees: Mapping[str, Iterable[str]], params: Params = PARAMS
) -> dict[str, float]:
    """Score of each service from its changes and from other evidence that can only begin at it.

    :param others: service → score of that evidence, in standard deviations.
    """
    local = {
        service: max(others.get(service, 0.0), changes.get(service, Changes()).local.score)
        for service in {*others, *changes}
    }
    total = {service: max(score, changes.get(service, Changes()).induced.score) for service, score in local.items()}
    found = {}
    for service, score in total.items():
        if score > local[service]:
            score = max(local[service], _left(service, score, local, total, changes[service].moved, callees, params))
        found[service] = score
    return found


def _left(
    service: str,
    score: float,
    local: Mapping[str, float],
    total: Mapping[str, float],
    moved: frozenset[str],
    callees: Mapping[str, Iterable[str]],
    params: Params,
) -> float:
    """What is left of a service's induced change, once those it calls have explained theirs."""
    left = score
    as_usual = {
        name for callee in callees.get(service, ()) if callee not in moved for name in (callee, *below(callee, callees))
    }
    for name in {*below(service, callees)}:
        theirs = (total if name in as_usual else local).get(name, 0.0)
        if theirs >= params.half * score:
            left = min(left, 0.99 * theirs)
    return left
