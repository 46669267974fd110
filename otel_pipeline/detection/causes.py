"""Which service is to blame: the deepest one whose own work changed, not the loudest.

Four statistics a service and window, each against the other windows, in standard deviations:

- *conduct*: share of its visits (what it does within a trace) that follow an odd pattern (:mod:`oddities`) and called
  no service that behaved oddly, too.
- *time*: its own work per call, over all entries; without the visits that called an odd one, for what is waited between
  two attempts looks like work.
- *way*: the time between the spans of callers and callees (the network, the wait for being served): of the calls to it,
  or of those from it as well, less what those at the other end explain.
- *changes*: what it does given that it was called, in both directions (:mod:`behavior`, :mod:`changes`).

A service's score is the largest of them. Each statistic is taken of every other window in the same way, and by their
medians it is scaled: so it holds when other windows hold faults, too.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median_low

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import behavior, changes, oddities, robust, timing
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.timing import Course, Deviations

NOISE = 2.0  # standard deviations that any service may show by chance
ALIKE = 0.01  # correlation of visits in one window (Kish's design effect): a hundredth of very many is no news either
BY_ITSELF = changes.LOCAL | {"self"}
APART = 1.0  # standard deviations: two scores that are nearer cannot be told apart

Windows = Sequence[Window]


@dataclass(frozen=True)
class Suspect:
    """A service and the evidence against it.

    :param score: the largest of conduct, time, way and change, in standard deviations; less where a callee explains it.
    :param visits: its visits in the window; odd_visits: those blamed on it.
    :param slower: its own work takes this many times as long as elsewhere; longer: the way to it and back.
    :param calls: whom it calls. :param says: what it says differently than before, where that decided.
    :param change: the strongest change of its behavior.
    """

    service: str
    score: float
    conduct: float
    time: float
    way: float
    visits: int
    odd_visits: int
    slower: float
    longer: float
    calls: frozenset[str] = frozenset()
    says: str = ""
    change: changes.Change = changes.NONE


@dataclass
class Evidence:
    """What was counted in some windows, numbered from 0. Made by :func:`gather`.

    :param patterns: (service, entry) → pattern → window → visits.
    :param visits: service → window → visits, and attempts at one; blamed: the odd ones.
    :param times: (service, entry) → its own work. :param ways: (caller, callee, operation) → the way there and back.
    :param courses: what services did, given that they were called.
    """

    windows: int
    patterns: oddities.Patterns = field(default_factory=dict)
    visits: oddities.Counts = field(default_factory=dict)
    blamed: oddities.Counts = field(default_factory=dict)
    times: dict[tuple[str, int], Course] = field(default_factory=dict)
    ways: dict[tuple[str, str, str], Course] = field(default_factory=dict)
    courses: behavior.Courses | None = None


def gather(db: Database, windows: Windows, references: Sequence[Sequence[int]]) -> Evidence:
    """Count what the services did in each window.

    :param windows: first the one in question; what is usually slow is learned from the others.
    :param references: for each window, the numbers of those that it is compared with.
    """
    where = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    evidence = Evidence(len(windows), courses=behavior.gather(db, windows))
    patterns: oddities.Patterns = defaultdict(lambda: defaultdict(dict))
    visits: oddities.Counts = defaultdict(lambda: defaultdict(int))
    work: dict[tuple[str, int], dict[int, tuple[int, float]]] = defaultdict(lambda: defaultdict(lambda: (0, 0.0)))
    spreads: dict[tuple[str, int], float] = {}
    operations: dict[tuple[str, int], frozenset[str]] = {}
    keys: dict[oddities.Odd, int] = {}
    entries: dict[int, tuple[str, int]] = {}
    slow: dict[int, float] = {}
    for row in db.rows("causes__patterns", **where, **oddities.SLOW):
        window, entry, count = row["Window"] - 1, (row["Service"], row["Entry"]), row["Visits"]
        patterns[entry][row["Pattern"]][window] = count
        entries[row["Key"]] = entry
        visits[row["Service"]][window] += count
        operations[entry] = frozenset(row["EntryOperations"])
        keys[row["Window"], *entry, row["Pattern"]] = row["OddKey"]
        if row["Usual"]:
            slow[row["Key"]] = row["Slow"]
            n, own = work[entry][window]
            work[entry][window] = (n + count, own + row["OwnSum"])
            spreads[entry] = row["Spread"]
    evidence.patterns, evidence.visits = patterns, visits
    for row in db.rows("causes__ways", **where):
        course = {window - 1: (count, mean) for window, count, mean in row["Course"]}
        evidence.ways[row["Caller"], row["Callee"], row["Operation"]] = Course(course, row["Spread"])
    odd = [keys[pattern] for pattern in oddities.find(patterns, operations, references)]
    if odd:
        how = {**where, "keys": list(slow), "slow": list(slow.values()), "odd": odd}
        calls = {(caller, callee) for caller, callee, _ in evidence.ways}
        evidence.blamed, missed, waits = oddities.blamed(db, how, calls, visits)
        for service, counts in missed.items():
            for window, count in counts.items():
                visits[service][window] += count
        for (window, key), (count, waited) in waits.items():
            n, own = work[entries[key]][window]
            work[entries[key]][window] = (n - count, own - waited)
    evidence.times = {
        entry: Course({w: (n, own / n) for w, (n, own) in course.items() if n > 0}, spreads[entry])
        for entry, course in work.items()
        if entry in spreads
    }
    return evidence


def rank(evidence: Evidence, window: int, others: Sequence[int]) -> list[Suspect]:
    """All services of the window, the likeliest cause first.

    :param others: windows to compare with; they may hold other faults.
    """
    own: dict[str, list[Deviations]] = defaultdict(list)
    for (service, _), course in evidence.times.items():
        own[service].append(timing.deviations(course, window, others))
    times = {service: timing.combined(found, window) for service, found in own.items()}
    ways = _ways(evidence, window, others, {service: time for service, (time, _) in times.items()})
    callers: dict[str, set[str]] = defaultdict(set)
    callees: dict[str, set[str]] = defaultdict(set)
    for caller, callee, _ in evidence.ways:
        callers[callee].add(caller)
        callees[caller].add(callee)
    changed = {}
    if evidence.courses:
        changed = changes.of_window(behavior.deviations(evidence.courses, others), window)
    suspects = []
    for service, visits in evidence.visits.items():
        if not visits.get(window):
            continue
        conduct = _conduct(evidence, service, window, others)
        (time, slower), (way, longer) = times.get(service, (0.0, 0.0)), ways.get(service, (0.0, 0.0))
        suspects.append(
            Suspect(
                service=service,
                score=max(conduct, time, way),
                conduct=conduct,
                time=time,
                way=way,
                visits=visits[window],
                odd_visits=evidence.blamed.get(service, {}).get(window, 0),
                slower=math.exp(slower),
                longer=math.exp(longer),
                calls=frozenset(callees[service]),
                change=changed.get(service, changes.Changes()).strongest,
            )
        )
    silent = changes.absent(changed, callees, {s.service for s in suspects})
    suspects += [_silent(service, change, callees) for service, change in silent.items()]
    scores = changes.scores({s.service: s.score for s in suspects}, changed, callees, silent)
    suspects = [replace(suspect, score=scores[suspect.service]) for suspect in suspects]
    return callees_first(suspects, callers)


def _silent(service: str, change: changes.Change, callees: Mapping[str, set[str]]) -> Suspect:
    """A service of which the window shows nothing."""
    return Suspect(
        service, change.score, 0.0, 0.0, 0.0, visits=0, odd_visits=0, slower=1.0, longer=1.0,
        calls=frozenset(callees.get(service, ())), change=change,
    )  # fmt: skip


def _ways(
    evidence: Evidence, window: int, others: Sequence[int], times: dict[str, float]
) -> dict[str, tuple[float, float]]:
    """Standard deviations by which the ways to each service, or to and from it, are longer; and ln of how many times.

    A network in trouble at one service shows on all ways that end at it, a service that is slow to answer on the ways
    to it. So what the other ways of a way's other end show is taken off it, and off the sum what is slow itself there.
    """
    ways = [
        (caller, callee, timing.deviations(course, window, others))
        for (caller, callee, _), course in evidence.ways.items()
    ]
    ends: dict[str, list[tuple[str, Deviations]]] = defaultdict(list)
    for caller, callee, found in ways:
        ends[caller].append((callee, found))
        ends[callee].append((caller, found))
    callers = {service: {caller for caller, callee, _ in ways if callee == service} for service in ends}
    rest = {
        (end, beside): _middle([found for other, found in ends[end] if other != beside], (window, *others))
        for end in ends
        for beside in {other for other, _ in ends[end]}
    }
    found = {}
    for service, mine in ends.items():
        left = [(other, _less(course, rest[other, service])) for other, course in mine]
        every, longer = timing.combined([course for _, course in left], window)
        every -= max(0.0, *(times.get(other, 0.0) for other, _ in left))
        there, longer_there = timing.combined([c for other, c in left if other in callers[service]], window)
        there -= max([0.0, *(times.get(caller, 0.0) for caller in callers[service])])
        found[service] = max((there, longer_there), (every, longer))
    return found


def _middle(courses: Sequence[Deviations], windows: Sequence[int]) -> dict[int, float]:
    """By window, by how many standard deviations at least half of some ways were longer."""
    found = {}
    for w in windows:
        known = [course[w][0] for course in courses if w in course]
        found[w] = max(0.0, median_low(known)) if known else 0.0
    return found


def _less(course: Deviations, explained: dict[int, float]) -> Deviations:
    return {w: (z - explained[w], n, longer) for w, (z, n, longer) in course.items()}


def callees_first(suspects: Sequence[Suspect], callers: dict[str, set[str]]) -> list[Suspect]:
    """By score; but a service that cannot be told apart from its caller goes first: trouble climbs, it does not sink.

    Such a callee takes its caller's score. Where both are slow or fail by themselves, and beyond doubt, the difference
    of their scores tells nothing: what waits and tries again, because its callee fails, looks slow by any factor.
    """
    scores = {s.service: s.score for s in suspects}
    themselves = {s.service for s in suspects if s.change.kind in BY_ITSELF and s.change.score >= _others(s)}

    def apart(caller: str, service: str) -> float:
        pair = scores[caller], scores[service]
        if {caller, service} <= themselves:
            pair = _sure(pair[0]), _sure(pair[1])
        return pair[0] - pair[1]

    for service in sorted(scores, key=lambda name: (scores[name], name)):
        near = [
            scores[caller]
            for caller in callers.get(service, ())
            if caller in scores and scores[service] >= NOISE and 0 <= apart(caller, service) < APART
        ]
        scores[service] = max([scores[service], *(score + 0.01 for score in near)])
    raised = [replace(s, score=scores[s.service]) for s in suspects]
    return sorted(raised, key=lambda s: (-s.score, s.service))


def _others(suspect: Suspect) -> float:
    """Evidence against a service other than its change."""
    return max(suspect.conduct, suspect.time, suspect.way)


def _sure(score: float) -> float:
    """Standard deviations, of which those beyond the sure ones count by their logarithm."""
    sure = changes.PARAMS.sure
    return score if score <= sure else sure + math.log(score / sure)


def _conduct(evidence: Evidence, service: str, window: int, others: Sequence[int]) -> float:
    """Standard deviations by which more visits are blamed on the service than elsewhere."""
    visits, blamed = evidence.visits[service], evidence.blamed.get(service, {})
    counts = {w: (blamed.get(w, 0), visits[w]) for w in (window, *others) if visits.get(w)}
    usual = robust.usual(count for w, count in counts.items() if w != window)
    found = {w: robust.deviance(k, n, usual) / math.sqrt(1 + (n - 1) * ALIKE) for w, (k, n) in counts.items()}
    return robust.calibrated(found.pop(window), list(found.values()))
