"""What bad traces have in common, unlike good ones: a value of an attribute, some of its values, or two together.

Of each attribute the best set of values is taken: values in order of how many of their traces are bad, cut where the
two sides differ most (the split of Breiman et al., Classification and Regression Trees, 1984, 4.2). Then pairs of
attributes whose bad traces lie where both hold. Chance is kept out by the log-likelihood ratio against the number of
sets that were looked at (Chernoff's bound with Bonferroni's correction).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.model import Skew

LEAST_BAD = 5
CHANCE = 1e-4  # that anything is told where bad traces are as good ones
MANY_VALUES = 50  # values of an attribute from which on it is an id: one of them must have most of the bad
COVERS = 0.8  # of the bad traces, what a set of values must hold
MOST, MAIN, CLEAR = 0.5, 0.25, 4.0  # a single value may hold less, where it is that telling
LIFT = 1.5
LARGEST = 0.5  # of the values: a larger set is hardly a condition
BEATS = 2.0  # times the bad share that a pair must have beyond either of its values alone
CANDIDATES = 24  # values of which pairs are looked at
SHOWN = 6
KEYS = 128  # of a span are looked at: as many as OpenTelemetry's SDKs let a span have


@dataclass(frozen=True)
class Tag:
    """A value of an attribute at a service.

    :param traces: that carry it. :param told: that carry any value of the attribute.
    """

    key: str
    value: str
    service: str
    traces: frozenset[int]
    told: frozenset[int]
    distinct: int


def skewed(db: Database, focus: Window, reference: Sequence[Window], service: str, *, by: str) -> list[Skew]:
    """Over-represented values, the clearest first.

    :param service: the cause. :param by: what makes a trace bad: "errors" or "slow" (at the service), or "anomalies".
    """
    near = list(reference[:8])
    rows = db.rows(
        "investigate__skew",
        start=focus.start,
        end=focus.end,
        service=service,
        most=KEYS,
        by=by if near or by != "slow" else "anomalies",
        starts=[w.start for w in near],
        ends=[w.end for w in near],
        hours=sorted(
            {hour for w in (Window(focus.start, focus.end + timedelta(milliseconds=1)), *near) for hour in w.hours()}
        ),
    )
    if not rows:
        return []
    tags = [
        Tag(r["Key"], r["Value"], r["Service"], frozenset(r["Traces"]), frozenset(r["Told"]), r["Distinct"])
        for r in rows
    ]
    return tell(tags, frozenset(range(1, rows[0]["OfBad"] + 1)))


def tell(tags: Sequence[Tag], bad: frozenset[int]) -> list[Skew]:
    """What is no chance, the clearest first; what several services or attributes tell of the same traces is told once.

    :param bad: numbers of the bad traces.
    """
    if len(bad) < LEAST_BAD:
        return []
    attributes: dict[tuple[str, str], list[Tag]] = defaultdict(list)
    for tag in tags:
        attributes[tag.key, tag.service].append(tag)
    tests = max(1, sum(max(1, min(len(mine), MANY_VALUES)) for mine in attributes.values()))
    singles = [found for mine in attributes.values() if (found := _of_attribute(mine, bad, tests))]
    pairs = _pairs(attributes, bad, tests)
    # A pair says more than its parts: these are left out where the pair stands.
    explained = {term for pair in pairs for term in _terms(pair)}
    whole = [
        *pairs,
        *(one for one in singles if not explained >= _terms(one) or one.bad > 1.2 * max(p.bad for p in pairs)),
    ]
    told: dict[tuple[int, int], Skew] = {}
    known: set[tuple[tuple[str, tuple[str, ...]], ...]] = set()
    for one in sorted(whole, key=lambda s: (-_clear(s), -len(s.terms), s.key, s.value, s.service)):
        if one.terms not in known:  # else it is handed on from service to service
            known.add(one.terms)
            told.setdefault((one.bad, one.good), one)
    return list(told.values())[:SHOWN]


def _terms(found: Skew) -> frozenset[tuple[str, str]]:
    return frozenset((key, value) for key, values in found.terms for value in values)


def _clear(found: Skew) -> float:
    return ratio(found.bad, found.of_bad, found.good, found.of_good)


def _of_attribute(tags: Sequence[Tag], bad: frozenset[int], tests: int) -> Skew | None:
    """The values of an attribute that most of the bad traces have, and few of the good ones."""
    told = tags[0].told
    of_bad, of_good, distinct = len(told & bad), len(told - bad), tags[0].distinct
    if of_bad < LEAST_BAD or not of_good:
        return None
    order = sorted(tags, key=lambda t: (-len(t.traces & bad) / (len(t.traces) + 1), -len(t.traces & bad), t.value))
    most = 1 if distinct > MANY_VALUES else max(1, int(LARGEST * distinct))
    best, best_ratio, chosen = None, 0.0, frozenset[int]()
    for size, tag in enumerate(order[:most], 1):
        chosen |= tag.traces
        inside, good = len(chosen & bad), len(chosen - bad)
        value = ratio(inside, of_bad, good, of_good)
        if value - math.log(math.comb(min(distinct, MANY_VALUES), size)) > best_ratio:
            best_ratio = value - math.log(math.comb(min(distinct, MANY_VALUES), size))
            best = (order[:size], inside, good)
    if best is None or best_ratio < math.log(tests / CHANCE):
        return None
    values, inside, good = best
    lift = _lift(inside, of_bad, good, of_good)
    single = len(values) == 1
    covers = inside >= (MOST if single else COVERS) * of_bad or (single and inside >= MAIN * of_bad and lift >= CLEAR)
    if not covers or lift < LIFT or (distinct > MANY_VALUES and inside < MOST * of_bad):
        return None
    names = tuple(sorted(tag.value for tag in values))
    counts = (inside, of_bad, good, of_good)
    return Skew(
        tags[0].key, ", ".join(names), tags[0].service, *counts, round(lift, 1), ((tags[0].key, names),), distinct
    )


def _pairs(attributes: dict[tuple[str, str], list[Tag]], bad: frozenset[int], tests: int) -> list[Skew]:
    """Pairs of values where both hold in most bad traces, and neither alone is as telling."""
    common = [
        tag
        for mine in attributes.values()
        for tag in mine
        if tag.distinct <= MANY_VALUES and len(tag.traces & bad) >= MOST * len(tag.told & bad)
    ]
    common.sort(key=lambda t: -_lift(len(t.traces & bad), len(t.told & bad), len(t.traces - bad), len(t.told - bad)))
    found: list[Skew] = []
    enough = math.log(max(1, tests * tests) / CHANCE)
    for one, other in combinations(common[:CANDIDATES], 2):
        if one.key == other.key:
            continue
        told = one.told & other.told
        of_bad, of_good = len(told & bad), len(told - bad)
        both = one.traces & other.traces
        inside, good = len(both & bad), len(both - bad)
        if of_bad < LEAST_BAD or not of_good or inside < MOST * of_bad:
            continue
        if all(_beats(both, alone & told, bad, enough) for alone in (one.traces, other.traces)):
            lift = _lift(inside, of_bad, good, of_good)
            names = sorted([one, other], key=lambda t: (t.key, t.value))
            found.append(
                Skew(
                    " AND ".join(t.key for t in names),
                    " AND ".join(t.value for t in names),
                    ", ".join(dict.fromkeys(t.service for t in names)),
                    *(inside, of_bad, good, of_good),
                    round(lift, 1),
                    tuple((t.key, (t.value,)) for t in names),
                )
            )
    return sorted(found, key=lambda s: (-_clear(s), s.key, s.value))[:2]


def _beats(both: frozenset[int], alone: frozenset[int], bad: frozenset[int], enough: float) -> bool:
    """Whether traces with one value are bad far more often where the other value holds as well."""
    rest = alone - both
    if not rest:
        return False
    inside, outside = len(both & bad) / len(both), len(rest & bad) / len(rest)
    within = ratio(len(both & bad), len(alone & bad), len(both - bad), len(alone - bad))
    return inside >= BEATS * outside and within >= enough


def _lift(bad: int, of_bad: int, good: int, of_good: int) -> float:
    return bad / max(1, of_bad) / ((good + 0.5) / (of_good + 1))


def ratio(bad: int, of_bad: int, good: int, of_good: int) -> float:
    """Log-likelihood ratio of two shares against one, in nats; 0 where bad ones have it no more often."""
    if not of_bad or not of_good or bad / of_bad <= good / of_good:
        return 0.0
    pooled = (bad + good) / (of_bad + of_good)
    return sum(_nats(k, n, pooled) for k, n in ((bad, of_bad), (good, of_good)))


def _nats(k: int, n: int, p: float) -> float:
    parts: Iterable[tuple[int, float]] = ((k, p), (n - k, 1 - p))
    return sum(c * math.log(c / n / q) for c, q in parts if c)
