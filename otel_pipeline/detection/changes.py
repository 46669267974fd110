"""What changed in a service's behavior, and whether somebody it calls explains it.

Some changes can only begin at the service itself (slow visits, errors that begin there). Others can be brought about by
those it calls: it calls others less often, leaves out steps or ends early, because it was answered badly. Such a change
is left to a callee that changed at least half as much. But where a service no longer calls somebody as usual, what that
one then does differently (other steps, other calls) is the caller's doing, and explains nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite

from otel_pipeline.detection.behavior import Deviations
from otel_pipeline.detection.calls import below


@dataclass(frozen=True)
class Params:
    """How kinds of change weigh beside one another, and when one explains another.

    :param faster, lines: weight of shorter times, and of log lines, against others: less telling.
    :param logged_form: weight of odd ways of a service that writes log lines, which tell better how its visits went.
    :param half: part of a service's change that a callee's must reach to explain it.
    :param sure: standard deviations beyond which more is no surer.
    :param moved: standard deviations from which calls to somebody are no longer as usual.
    """

    faster: float = 0.7
    lines: float = 0.5
    logged_form: float = 0.5
    half: float = 0.5
    sure: float = 10.0
    moved: float = 3.0


PARAMS = Params()
LOCAL = frozenset({"self_slow", "error"})
WORK = frozenset({"steps", "self_fast"})


@dataclass(frozen=True)
class Change:
    """What a service does unlike before.

    :param score: standard deviations, weighed. :param kind: of :class:`behavior.Deviations`; part: as there.
    :param times: observed as a multiple of expected.
    """

    score: float
    kind: str
    part: str
    times: float

    @property
    def words(self) -> str:
        """The change in words, without the service's name."""
        kind = "self_fast" if self.kind == "self" and self.times < 1 else self.kind
        often = f"{self.times:.1f}" if self.times >= 1 else f"{self.times:.2f}"
        return WORDS[kind].format(part=self.part, often=f"{often} times as often as usual", times=self.times)


WORDS = {
    "self": "self time in {part} is {times:.1f} times as long as usual",
    "self_slow": "slow requests in {part} are {times:.0f} times as frequent as usual",
    "self_fast": "{part} ends earlier than usual",
    "calls": "calls {part} {often}",
    "steps": "runs {part} {often}",
    "error": "errors begin here {often}: {part}",
    "lines": "a log line comes {often}",
    "silent": "does not answer: nothing of it is seen, though {part} is asked as usual",
    "form": "requests leave out steps or calls, or take others than usual",
    "": "nothing unusual",
}
NONE = Change(0.0, "", "", 1.0)


@dataclass(frozen=True)
class Changes:
    """The strongest changes of one service: those that begin there, and those that a callee may have brought about.

    :param calls: callee → signed standard deviations of the calls to it.
    :param work: the strongest change of its own steps and of how early it ends.
    """

    local: Change = NONE
    induced: Change = NONE
    calls: Mapping[str, float] = field(default_factory=dict)
    work: float = 0.0

    def moved(self, params: "Params") -> set[str]:
        """Whom it no longer calls as usual."""
        return {callee for callee, z in self.calls.items() if abs(z) >= params.moved}

    @property
    def strongest(self) -> Change:
        """The stronger of both."""
        return max(self.local, self.induced, key=lambda change: change.score)


def of_window(deviations: Deviations, window: int, params: Params = PARAMS) -> dict[str, Changes]:
    """The changes of each service in one window."""
    local: dict[str, Change] = {}
    induced: dict[str, Change] = {}
    calls: dict[str, dict[str, float]] = defaultdict(dict)
    work: dict[str, float] = defaultdict(float)
    logging = {service for service, kind, _ in deviations.keys if kind == "lines"}
    for (service, kind, part), z, times in zip(
        deviations.keys, deviations.z[:, window], deviations.times[:, window], strict=True
    ):
        if not isfinite(z) or kind.startswith("gap"):
            continue
        score = _weight(kind, float(z), service in logging, params)
        change = Change(score, kind, part, float(times))
        of = local if kind in LOCAL or (kind == "self" and z > 0) else induced
        if score > of.get(service, NONE).score:
            of[service] = change
        if kind == "calls":
            calls[service][part] = float(z)
        elif kind in WORK:
            work[service] = max(work[service], score)
    return {
        service: Changes(local.get(service, NONE), induced.get(service, NONE), calls[service], work[service])
        for service in {*local, *induced}
    }


def _weight(kind: str, z: float, logs: bool, params: Params) -> float:
    match kind:
        case "self":
            return max(z, -z * params.faster)
        case "self_fast":
            return z * params.faster
        case "lines":
            return abs(z) * params.lines
        case "form" if logs:
            return z * params.logged_form
        case "steps" | "calls":
            return abs(z)
        case _:
            return z


def absent(
    changes: Mapping[str, Changes], callees: Mapping[str, Iterable[str]], seen: Collection[str], params: Params = PARAMS
) -> dict[str, Change]:
    """Services that nobody reached, though those that call them were asked as usual and did the rest of their work.

    A caller that ends early calls none of its callees; that is its own doing.

    :param seen: services with visits in the window.
    """
    found: dict[str, Change] = {}
    for caller, of_caller in changes.items():
        for callee in callees.get(caller, ()):
            z = -of_caller.calls.get(callee, 0.0)
            if callee in seen or z < params.moved or of_caller.work >= params.half * z:
                continue
            others = [abs(other) for name, other in of_caller.calls.items() if name in seen]
            if max(others, default=0.0) < params.half * z and z > found.get(callee, NONE).score:
                found[callee] = Change(z, "silent", caller, 0.0)
    return found


def scores(
    others: Mapping[str, float],
    changes: Mapping[str, Changes],
    callees: Mapping[str, Iterable[str]],
    silent: Mapping[str, Change],
    params: Params = PARAMS,
) -> dict[str, float]:
    """Score of each service from its changes and from other evidence that can only begin at it.

    :param others: service → score of that evidence, in standard deviations. :param silent: see :func:`absent`.
    """
    local = {
        service: max(others.get(service, 0.0), changes.get(service, Changes()).local.score)
        for service in {*others, *changes}
    }
    local |= {service: change.score for service, change in silent.items()}
    total = {service: max(score, changes.get(service, Changes()).induced.score) for service, score in local.items()}
    found = {}
    for service, score in total.items():
        left = score
        if score > local[service]:
            usual = set(callees.get(service, ())) - changes[service].moved(params)
            as_usual = {name for callee in usual for name in (callee, *below(callee, callees))}
            theirs = [(total if name in as_usual else local).get(name, 0.0) for name in below(service, callees)]
            explained = [0.99 * other for other in theirs if other >= params.half * min(score, params.sure)]
            left = max(local[service], min([score, *explained]))
        found[service] = left
    return found
