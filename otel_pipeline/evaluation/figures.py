"""Figures that say how well a score tells faulty traces from normal ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from otel_pipeline.detection.anomaly_scores import FALSE_ALARM_RATE


@dataclass(frozen=True)
class Figures:
    """Average precision, area under the ROC curve, F1 at a threshold; None without both kinds of traces."""

    ap: float | None
    auc: float | None
    f1: float | None = None

    def document(self) -> dict[str, float | None]:
        """As JSON."""
        return {"ap": self.ap, "auc": self.auc, "f1": self.f1}


def figures(labels: Sequence[bool | None], scores: Sequence[float], flags: Sequence[bool] | None = None) -> Figures:
    """Figures over labelled traces; those with label None are left out. Ties count half.

    :param flags: which traces are called anomalous, for F1.
    """
    known = [(score, truth) for score, truth in zip(scores, labels, strict=True) if truth is not None]
    positive = sum(truth for _, truth in known)
    negative = len(known) - positive
    if not positive or not negative:
        return Figures(None, None)
    groups: dict[float, list[int]] = {}
    for score, truth in known:
        groups.setdefault(score, [0, 0])[truth] += 1
    seen_true = seen_false = 0
    precision_sum = pairs = 0.0
    for score in sorted(groups, reverse=True):
        false, true = groups[score]
        pairs += true * (negative - seen_false - false / 2)
        seen_true, seen_false = seen_true + true, seen_false + false
        precision_sum += true * seen_true / (seen_true + seen_false)
    f1 = None
    if flags is not None:
        hit = sum(flag and truth is True for flag, truth in zip(flags, labels, strict=True))
        flagged = sum(flag and truth is not None for flag, truth in zip(flags, labels, strict=True))
        f1 = round(2 * hit / (flagged + positive), 4)
    return Figures(round(precision_sum / positive, 4), round(pairs / (positive * negative), 4), f1)


def threshold(normal: Sequence[float]) -> float:
    """The value that only the accepted share of false alarms of normal traces exceeds: for scores without one."""
    if not normal:
        return math.inf
    ordered = sorted(normal)
    return ordered[min(len(ordered) - 1, math.ceil(len(ordered) * (1 - FALSE_ALARM_RATE)) - 1)]
