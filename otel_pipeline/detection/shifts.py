"""When nearly all of an operation's traffic became unusual, though no trace of it is remarkable alone.

A query that takes ten times as long, a refusal that was one in ten and is now the rule: each trace by itself stays
within what happens. The cumulated log-likelihood ratio of "nearly all" against the usual share finds the stretch
(Page, Continuous inspection schemes, Biometrika 1954).
"""

import math
from collections.abc import Sequence

from otel_pipeline.detection.segments import Bin, Segment, burst_surprise

UNUSUAL = 1.25  # surprise from which a trace is unusual: about one in eighteen a signal
NEARLY_ALL = 0.93
LEAST_SHARE = 0.85
LEAST_TRACES = 25
CLOSE = 6.0  # nats of ordinary traffic that end a stretch
LEAST_USUAL, MOST_USUAL = 0.2, 0.5


def find(bins: Sequence[Bin]) -> list[Segment]:
    """Stretches of one operation's bins in which nearly all traces are unusual.

    :param bins: in order of time; ``unusual`` counts the unusual traces.
    """
    share = usual(bins)
    more, less = math.log(NEARLY_ALL / share), math.log((1 - NEARLY_ALL) / (1 - share))
    found: list[Segment] = []
    stretch: list[Bin] = []
    total, best, length = 0.0, 0.0, 0
    for item in [*bins, Bin(0, 10**6, 0, 0)]:
        total += item.unusual * more + (item.traces - item.unusual) * less
        stretch.append(item)
        if total > best:
            best, length = total, len(stretch)
        if total < 0 or total < best - CLOSE:
            found += _segment(stretch[:length], share)
            stretch, total, best, length = [], 0.0, 0.0, 0
    return found


def usual(bins: Sequence[Bin]) -> float:
    """Share of unusual traces in ordinary times: the lower quartile over stretches of traffic."""
    shares, traces, unusual = [], 0, 0
    for item in bins:
        traces, unusual = traces + item.traces, unusual + item.unusual
        if traces >= LEAST_TRACES:
            shares.append(unusual / traces)
            traces = unusual = 0
    quartile = sorted(shares)[len(shares) // 4] if shares else MOST_USUAL
    return min(MOST_USUAL, max(LEAST_USUAL, 1.5 * quartile))


def _segment(stretch: Sequence[Bin], share: float) -> list[Segment]:
    traces, unusual = sum(b.traces for b in stretch), sum(b.unusual for b in stretch)
    if traces < LEAST_TRACES or unusual < LEAST_SHARE * traces:
        return []
    return [Segment(stretch[0].index, stretch[-1].index, traces, unusual, burst_surprise(traces, unusual, share))]
