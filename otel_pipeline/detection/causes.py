"""Which service is to blame: the deepest one whose own work changed, not the loudest.

Three statistics a service and window, both against the other windows, in standard deviations:

- *conduct*: share of its visits (what it does within a trace) that follow a pattern of log lines and errors, or a
  slowness, at least three times as frequent as elsewhere; a visit is not blamed when a service that it called behaved
  oddly in the same trace. Signed root of the binomial deviance, divided by the dispersion over the other windows
  (McCullagh & Nelder, Generalized Linear Models, 1989, 4.5).
- *time*: mean of ln(own work per call), by entry, against median and MAD of the other windows (Stouffer's sum over the
  entries), divided by its dispersion over the other windows as well.
- *way*: the same of the time between its callers' spans and its own (the network, the wait for being served), less the
  time statistic of the slowest caller.

A service's score is the largest of them. Medians, and means without the worst sixth of the windows, keep the scale
when other windows hold faults, too.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window

LIFT = 3.0  # a pattern is odd from this many times its frequency elsewhere
LEAST_EXCESS = 1.5  # standard deviations: it must also be met more than once
SLOW = 8.0  # robust standard deviations of ln(own work)
BEYOND = math.log(
    3
)  # above all but the slowest hundredth of the visits elsewhere: slow as well, however wide the spread
FLOOR = 0.1  # of ln(time): window-to-window changes below a tenth are never news
WORST = 0.15  # share of the other windows that may hold faults of the same kind
LEAST_VISITS = 2
NOISE = 2.0  # standard deviations that any service may show by chance
APART = 1.0  # standard deviations: two scores that are nearer cannot be told apart
OWN, WAY = 0, 1

Windows = Sequence[Window]
Course = dict[str, list[tuple[int, int]]]
Pattern = tuple[int, str, int, int]


@dataclass(frozen=True)
class Suspect:
    """A service and the evidence against it.

    :param score: the largest of conduct, time and way, in standard deviations.
    :param visits: its visits in the window; odd_visits: those blamed on it.
    :param slower: its own work takes this many times as long as elsewhere; longer: the way to it and back.
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


@dataclass
class Evidence:
    """What was counted in some windows, numbered from 0. Made by :func:`gather`."""

    windows: int
    patterns: dict[tuple[str, int], dict[int, dict[int, int]]] = field(default_factory=dict)
    times: dict[tuple[str, int], dict[int, tuple[int, list[float]]]] = field(default_factory=dict)
    spreads: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    visits: dict[str, dict[int, int]] = field(default_factory=dict)
    blamed: dict[str, dict[int, int]] = field(default_factory=dict)
    callers: dict[str, set[str]] = field(default_factory=dict)


def gather(db: Database, windows: Windows, references: Sequence[Sequence[int]]) -> Evidence:
    """Count what the services did in each window.

    :param windows: first the one in question; what is usually slow is learned from the others.
    :param references: for each window, the numbers of those that it is compared with.
    """
    where = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    evidence = Evidence(len(windows))
    patterns: dict[tuple[str, int], dict[int, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    visits: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    sums: dict[tuple[str, int], dict[int, tuple[int, float, float]]] = defaultdict(
        lambda: defaultdict(lambda: (0, 0.0, 0.0))
    )
    keys: dict[Pattern, int] = {}
    slow: dict[int, float] = {}
    for row in db.rows("causes__patterns", **where, slow=SLOW, beyond=BEYOND, floor=FLOOR):
        window, entry, count = row["Window"] - 1, (row["Service"], row["Entry"]), row["Visits"]
        patterns[entry][row["Pattern"]][window] = count
        visits[row["Service"]][window] += count
        keys[row["Window"], *entry, row["Pattern"]] = row["OddKey"]
        if row["Usual"]:
            slow[row["Key"]] = row["Slow"]
            n, own, way = sums[entry][window]
            sums[entry][window] = (n + count, own + row["OwnSum"], way + row["WaySum"])
            evidence.spreads[entry] = row["BothSpreads"]
    evidence.patterns, evidence.visits = patterns, visits
    evidence.times = {
        entry: {window: (n, [own / n, way / n]) for window, (n, own, way) in course.items()}
        for entry, course in sums.items()
    }
    odd = [keys[pattern] for pattern in odd_patterns(evidence, references)]
    blamed: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    if odd:
        for row in db.rows("causes__odd", **where, keys=list(slow), slow=list(slow.values()), odd=odd):
            for service in deepest(row["Services"], row["TraceCalls"]):
                blamed[service][row["Window"] - 1] += row["Traces"]
    evidence.blamed = blamed
    for row in db.rows("causes__calls", **where):
        evidence.callers.setdefault(row["Callee"], set()).add(row["Caller"])
    return evidence


def odd_patterns(evidence: Evidence, references: Sequence[Sequence[int]]) -> list[Pattern]:
    """(window from 1, service, entry, pattern) that are clearly more frequent in the window than in its references."""
    found = []
    for (service, entry), patterns in evidence.patterns.items():
        totals = [0] * evidence.windows
        for counts in patterns.values():
            for window, count in counts.items():
                totals[window] += count
        for window, total in enumerate(totals):
            if not total:
                continue
            elsewhere = sum(totals[other] for other in references[window])
            for pattern, counts in patterns.items():
                here = counts.get(window, 0)
                there = sum(counts.get(other, 0) for other in references[window])
                usual = (there + 0.5) / (elsewhere + 1)
                expected = usual * total
                lift = (here + 0.5) / (total + 1) / usual
                if lift > LIFT and (here - expected) / math.sqrt(expected + 0.5) > LEAST_EXCESS:
                    found.append((window + 1, service, entry, pattern))
    return found


def deepest(odd: Sequence[str], calls: Sequence[tuple[str, str]]) -> list[str]:
    """The odd services of a trace below which nothing odd was called.

    :param calls: (caller, callee) of the trace.
    """
    callees: dict[str, set[str]] = defaultdict(set)
    for caller, callee in calls:
        callees[caller].add(callee)

    def below(service: str) -> set[str]:
        seen: set[str] = set()
        stack = [service]
        while stack:
            for callee in callees[stack.pop()] - seen:
                seen.add(callee)
                stack.append(callee)
        return seen - {service}

    suspects = set(odd)
    return [service for service in odd if not below(service) & suspects]


def rank(evidence: Evidence, window: int, others: Sequence[int]) -> list[Suspect]:
    """All services of the window, the likeliest cause first.

    :param others: windows to compare with; they may hold other faults.
    """
    times, slower = _times(evidence, OWN, window, others)
    ways, longer = _times(evidence, WAY, window, others)
    suspects = []
    for service, visits in evidence.visits.items():
        here = visits.get(window, 0)
        if here:
            odd = evidence.blamed.get(service, {}).get(window, 0)
            conduct = _conduct(evidence, service, window, others)
            time, way = times.get(service, 0.0), ways.get(service, 0.0)
            # A caller that is slow itself makes the way to all that it calls look long.
            way -= max(0.0, *(times.get(caller, 0.0) for caller in evidence.callers.get(service, {""})))
            suspects.append(
                Suspect(
                    service=service,
                    score=max(conduct, time, way),
                    conduct=conduct,
                    time=time,
                    way=way,
                    visits=here,
                    odd_visits=odd,
                    slower=math.exp(slower.get(service, 0.0)),
                    longer=math.exp(longer.get(service, 0.0)),
                )
            )
    return _callees_first(suspects, evidence.callers)


def _callees_first(suspects: Sequence[Suspect], callers: dict[str, set[str]]) -> list[Suspect]:
    """By score; but a service that cannot be told apart from its caller goes first: trouble climbs, it does not sink.

    Such a callee takes its caller's score.
    """
    scores = {s.service: s.score for s in suspects}
    for service in sorted(scores, key=lambda name: (scores[name], name)):
        near = [
            scores[caller]
            for caller in callers.get(service, ())
            if caller in scores and scores[service] >= NOISE and 0 <= scores[caller] - scores[service] < APART
        ]
        scores[service] = max([scores[service], *(score + 0.01 for score in near)])
    raised = [replace(s, score=scores[s.service]) for s in suspects]
    return sorted(raised, key=lambda s: (-s.score, s.service))


def _conduct(evidence: Evidence, service: str, window: int, others: Sequence[int]) -> float:
    visits, blamed = evidence.visits[service], evidence.blamed.get(service, {})
    known = sorted(
        ((blamed.get(other, 0), visits[other]) for other in others if visits.get(other)), key=lambda kn: kn[0] / kn[1]
    )
    kept = known[: math.ceil(len(known) * (1 - WORST))]
    usual = (sum(k for k, _ in kept) + 0.5) / (sum(n for _, n in kept) + 1)
    dispersion = max(1.0, sum(deviance(k, n, usual) ** 2 for k, n in kept) / max(1, len(kept)))
    return deviance(blamed.get(window, 0), visits[window], usual) / math.sqrt(dispersion)


def deviance(k: int, n: int, p: float) -> float:
    """Signed root of the binomial deviance of k out of n at probability p: about standard normal."""
    share = k / n
    d = share * math.log(share / p) if share else 0.0
    if share < 1:
        d += (1 - share) * math.log((1 - share) / (1 - p))
    return math.copysign(math.sqrt(max(0.0, 2 * n * d)), share - p)


def _times(
    evidence: Evidence, which: int, window: int, others: Sequence[int]
) -> tuple[dict[str, float], dict[str, float]]:
    """Standard deviations by which each service is slower than elsewhere, and ln of how many times slower.

    :param which: 0 for its own work, 1 for the way to and from its callers.
    """
    parts: dict[str, dict[int, list[tuple[float, int, float]]]] = defaultdict(lambda: defaultdict(list))
    for (service, entry), course in evidence.times.items():
        enough = {
            w: (n, means[which])
            for w, (n, means) in course.items()
            if n >= LEAST_VISITS and (w == window or w in others)
        }
        elsewhere = [own for w, (_, own) in enough.items() if w != window]
        if window not in enough or not elsewhere:
            continue
        center = median(elsewhere)
        scale = 1.4826 * median(abs(own - center) for own in elsewhere)
        for w, (visits, own) in enough.items():
            error = evidence.spreads[service, entry][which] / math.sqrt(visits)
            z = (own - center) / math.sqrt(scale**2 + FLOOR**2 + error**2)
            parts[service][w].append((z, visits, own - center))
    scores, slower = {}, {}
    for service, of_windows in parts.items():
        z = {
            w: sum(v * math.sqrt(n) for v, n, _ in p) / math.sqrt(sum(n for _, n, _ in p))
            for w, p in of_windows.items()
        }
        usual = sorted(abs(v) for w, v in z.items() if w != window)
        usual = usual[: math.ceil(len(usual) * (1 - WORST))]
        dispersion = math.sqrt(max(1.0, sum(v * v for v in usual) / len(usual)))
        scores[service] = z[window] / dispersion
        here = of_windows[window]
        slower[service] = sum(d * n for _, n, d in here) / sum(n for _, n, _ in here)
    return scores, slower
