"""When did it begin, when did it end: cuts the course of anomalies into quiet and troubled times.

A hidden Markov model with one quiet state (the usual rates of anomalies) and some troubled ones (a small to a full
share of the traffic), solved by Viterbi over bins of a few seconds. Leaving and entering trouble costs; so isolated
anomalies at the usual rate stay quiet, a storm is one segment, and a pause splits it only when enough healthy traffic
passed. Source: Rabiner, A tutorial on hidden Markov models, 1989.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

TROUBLED = (0.08, 0.2, 0.5, 0.9)
STRONG_SHARE = 0.75  # of the anomalies of troubled times
ENTER = 4.5  # nats; with LEAVE about what five times the usual rate for half a minute of light traffic is worth
LEAVE = 1.5
CHANGE = 1.5  # a step between the levels of trouble
BY_CHANCE = 0.005  # a pause that this rarely comes by itself parts two troubles
LEAST_SURPRISE = 5.0
LEAST_ANOMALOUS = 3


@dataclass(frozen=True)
class Bin:
    """Traffic of one root operation in one bin.

    :param anomalous: anomalous traces; strong: those of them with a score far beyond the threshold.
    :param unusual: traces, anomalous or not, that have something unusual (see :mod:`shifts`).
    """

    index: int
    traces: int
    anomalous: int
    strong: int
    unusual: int = 0


@dataclass(frozen=True)
class Usual:
    """Shares of the traffic in quiet times."""

    anomalous: float
    strong: float


@dataclass(frozen=True)
class Segment:
    """A troubled time: bins first to last, both included."""

    first: int
    last: int
    traces: int
    anomalous: int
    surprise: float


def find(bins: Sequence[Bin], usual: Usual) -> list[Segment]:
    """The troubled segments of one operation's bins.

    :param bins: in order of time; empty bins may be left out.
    """
    segments, start = [], None
    for position, state in enumerate([*_viterbi(bins, usual), 0]):
        if state and start is None:
            start = position
        elif not state and start is not None:
            segments += [_segment(part, usual) for part in _without_pauses(bins[start:position])]
            start = None
    return [s for s in segments if s.surprise >= LEAST_SURPRISE and s.anomalous >= LEAST_ANOMALOUS]


def _without_pauses(bins: Sequence[Bin]) -> list[Sequence[Bin]]:
    """The parts of a troubled time between pauses: healthy traffic that the quieter part beside it hardly allows."""
    run = start = 0
    for position, item in enumerate(bins):
        if not item.strong:
            run += item.traces
            continue
        left, right = bins[:start], bins[position:]
        if run and start and (1 - min(_strong_share(left), _strong_share(right))) ** run < BY_CHANCE:
            return [*_without_pauses(left), *_without_pauses(right)]
        run, start = 0, position + 1
    return [bins] if any(b.anomalous for b in bins) else []


def _strong_share(bins: Sequence[Bin]) -> float:
    return sum(b.strong for b in bins) / max(1, sum(b.traces for b in bins))


def within(bins: Sequence[Bin], first: int, last: int, usual: Usual) -> Segment | None:
    """The segment from first to last, whatever its course; None without anomalies in it."""
    inside = [b for b in bins if first <= b.index <= last]
    return _segment(inside, usual) if any(b.anomalous for b in inside) else None


def add(one: Bin | None, other: Bin) -> Bin:
    """Two bins of the same time together."""
    if one is None:
        return other
    return Bin(
        one.index,
        one.traces + other.traces,
        one.anomalous + other.anomalous,
        one.strong + other.strong,
        one.unusual + other.unusual,
    )


def _viterbi(bins: Sequence[Bin], usual: Usual) -> list[int]:
    """The likeliest state at each bin; 0 is quiet."""
    weak = max(usual.anomalous - usual.strong, usual.strong)
    logs = [(math.log1p(-weak - usual.strong), math.log(weak), math.log(usual.strong))] + [
        (math.log1p(-p), math.log(p * (1 - STRONG_SHARE)), math.log(p * STRONG_SHARE))
        for p in TROUBLED
        if p > 2 * usual.anomalous
    ]
    costs = [0.0] + [ENTER] * (len(logs) - 1)
    back: list[list[int]] = []
    for item in bins:
        counts = (item.traces - item.anomalous, item.anomalous - item.strong, item.strong)
        came, now = [], []
        for state, of_state in enumerate(logs):
            best = min(range(len(logs)), key=lambda before: costs[before] + _step(before, state))
            came.append(best)
            loss = sum(n * log for n, log in zip(counts, of_state, strict=True))
            now.append(costs[best] + _step(best, state) - loss)
        back.append(came)
        costs = now
    state = min(range(len(logs)), key=lambda s: costs[s])
    path = []
    for came in reversed(back):
        path.append(state)
        state = came[state]
    return path[::-1]


def _step(before: int, state: int) -> float:
    if before == state:
        return 0.0
    if before == 0:
        return ENTER
    # A storm that falls to a trickle is rather over than going on.
    return LEAVE if state == 0 else CHANGE * abs(state - before)


def _segment(bins: Sequence[Bin], usual: Usual) -> Segment:
    """Trim quiet bins at the ends, sum up, and judge the whole."""
    troubled = [b.index for b in bins if b.anomalous]
    inside = [b for b in bins if troubled[0] <= b.index <= troubled[-1]]
    traces, anomalous = sum(b.traces for b in inside), sum(b.anomalous for b in inside)
    surprise = max(
        burst_surprise(traces, anomalous, usual.anomalous),
        burst_surprise(traces, sum(b.strong for b in inside), usual.strong),
    )
    return Segment(troubled[0], troubled[-1], traces, anomalous, surprise)


def burst_surprise(traces: int, anomalous: int, usual: float) -> float:
    """-log10 of P(at least ``anomalous`` of ``traces`` | rate ``usual``), by Chernoff's bound of the tail."""
    share = anomalous / traces
    if share <= usual:
        return 0.0
    divergence = share * math.log(share / usual)
    if share < 1:
        divergence += (1 - share) * math.log((1 - share) / (1 - usual))
    return traces * divergence / math.log(10)
