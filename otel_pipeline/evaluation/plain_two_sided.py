"""A plain floor for root causes, incidents and traces: how a service behaves *given that it was called*, on both sides.

Per service and window: log self time of each operation; log gap between caller and callee; calls of each callee, and
spans within, per entry (more or fewer; absent ones count); share of failing entries. Each becomes a z-score against
other windows: their median and MAD, with the sampling error of the window. A service's score is its largest |z|.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from otel_pipeline.detection.model import Window

Frame = Any  # of pandas, which is loaded late
COLUMNS = ("Timestamp", "TraceId", "SpanId", "ParentSpanId", "ServiceName", "SpanName", "Duration", "StatusCode")
LEAST_CALLS = 5
LEAST_NS = 1000
MINUTE_NS = 60_000_000_000
BEFORE_NS, AFTER_NS = 5_000_000_000, MINUTE_NS  # beside a fault, traffic is not sure to be quiet
QUIET_MINUTES = 11  # that incidents are learned from
MARGIN = 1.3  # over the largest deviation within the quiet minutes, each left out in turn


class Feature(NamedTuple):
    """What a value is of: a service; "self", "gap", "errors", "inner" or "calls"; an operation or a callee."""

    service: str
    what: str
    part: str


class Value(NamedTuple):
    """A mean in one window, its standard deviation, and over how many calls."""

    mean: float
    deviation: float
    calls: float


Features = dict[Feature, Value]


@dataclass(frozen=True)
class Incident:
    """Minutes in a row in which somebody deviates; :param service: who does most often."""

    start: datetime
    end: datetime
    service: str


def spans(path: Path) -> Frame:
    """The spans of an otel_traces.parquet, with what they are to each other: columns ``at`` (ns), ``self``, ``gap``,
    ``entry`` (called from another service, or root), ``client`` (its child is elsewhere: the way there, not work).
    """
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as pq

    columns = [name for name in COLUMNS if name in pq.read_schema(path).names]
    found = pq.read_table(path, columns=columns).to_pandas()
    found["at"] = pd.DatetimeIndex(found["Timestamp"]).as_unit("ns").asi8
    found["error"] = False
    if "StatusCode" in found:
        found["error"] = found["StatusCode"].astype(str).str.lower().str.contains("error")
    parents = found[["TraceId", "SpanId", "ServiceName", "Duration"]].drop_duplicates(["TraceId", "SpanId"])
    parents.columns = ["TraceId", "ParentSpanId", "caller", "caller_duration"]
    found = found.merge(parents, on=["TraceId", "ParentSpanId"], how="left")
    known = found["caller"].notna()
    children = found[known].groupby(["TraceId", "ParentSpanId"])["Duration"].sum().rename("children")
    found = found.join(children, on=["TraceId", "SpanId"])
    duration = found["Duration"].astype("float64")
    found["self"] = (duration - found["children"].fillna(0).astype("float64")).clip(lower=LEAST_NS)
    found["entry"] = ~known | (found["caller"] != found["ServiceName"])
    away = found[known & found["entry"]].groupby(["TraceId", "ParentSpanId"]).size().rename("away")
    found = found.join(away, on=["TraceId", "SpanId"])
    found["client"] = found["away"].notna() & ~found["entry"]
    way = (found["caller_duration"].astype("float64") - duration).clip(lower=LEAST_NS)
    found["gap"] = np.where(found["entry"] & known, way, np.nan)
    found["log_self"], found["log_gap"] = np.log(found["self"]), np.log(found["gap"])
    return found


def features(table: Frame, windows: Any) -> dict[int, Features]:
    """How each service behaved in each window.

    :param windows: of each span, the number of its window.
    """
    import numpy as np

    table = table.assign(window=windows)
    found: dict[int, Features] = {int(window): {} for window in np.unique(table["window"])}
    entries = table[table["entry"]].groupby(["window", "ServiceName"])
    visits = entries.agg(count=("error", "size"), failing=("error", "mean"))
    visits = visits[visits["count"] >= LEAST_CALLS]
    for (window, service), count, failing in visits.itertuples():
        deviation = max(0.02, (failing * (1 - failing)) ** 0.5)
        found[window][Feature(service, "errors", "")] = Value(float(failing), deviation, int(count))
    counts = visits["count"].to_dict()
    selves = table[~table["client"]].groupby(["window", "ServiceName", "SpanName"])["log_self"]
    gaps = table[table["entry"]].assign(none="").groupby(["window", "ServiceName", "none"])["log_gap"]
    for what, grouped in (("self", selves), ("gap", gaps)):
        values = grouped.agg(["mean", "std", "count"])
        for (window, service, part), mean, deviation, count in values[values["count"] >= LEAST_CALLS].itertuples():
            if (window, service) in counts:
                found[window][Feature(service, what, part)] = Value(float(mean), float(deviation) + 0.05, int(count))
    inner = table[~table["entry"] & ~table["client"]].groupby(["window", "ServiceName", "SpanName"]).size()
    calls = table[table["entry"] & table["caller"].notna()].groupby(["window", "caller", "ServiceName"]).size()
    for what, sizes in (("inner", inner), ("calls", calls)):
        for (window, service, part), size in sizes.items():
            if count := counts.get((window, service), 0):
                found[window][Feature(service, what, part)] = Value(float(np.log((size + 1) / count)), 0.3, int(count))
    return found


def deviations(window: Features, others: Sequence[Features], least: int, floor: float) -> dict[Feature, float]:
    """z-scores of a window's features against those of others; what has no value in ``least`` of them is left out."""
    import numpy as np

    found = {}
    for feature, (mean, deviation, count) in window.items():
        values = np.array([other[feature].mean for other in others if feature in other])
        if len(values) < least:
            continue
        middle = float(np.median(values))
        spread = 1.4826 * float(np.median(np.abs(values - middle)))
        z = (mean - middle) / (float(np.hypot(deviation / count**0.5, spread)) + floor)
        found[feature] = max(0.0, z) if feature.what == "errors" else z
    return found


def rank(table: Frame, windows: Sequence[Window], alone: bool = False) -> list[dict[str, float]]:
    """Score of each service in each window, compared with quiet stretches; with the other windows where there are none.

    :param alone: compare with the other windows in any case.
    """
    own = [features(part, [0] * len(part)).get(0, {}) for part in (_between(table, w) for w in windows)]
    quiet = [] if alone else _quiet(table, windows)
    found = []
    for number, window in enumerate(own):
        others = quiet if len(quiet) >= 3 else [other for place, other in enumerate(own) if place != number]
        found.append(_scores(_with_absent(window, others), others))
    return found


def _between(table: Frame, window: Window) -> Frame:
    return table[(table["at"] >= _ns(window.start)) & (table["at"] < _ns(window.end))]


def _ns(time: datetime) -> int:
    return round(time.timestamp() * 1000) * 1_000_000


def _quiet(table: Frame, windows: Sequence[Window]) -> list[Features]:
    """Features of up to twelve pieces of what is not beside any window."""
    import numpy as np

    near = np.zeros(len(table), dtype=bool)
    for window in windows:
        near |= (table["at"] >= _ns(window.start) - BEFORE_NS) & (table["at"] < _ns(window.end) + AFTER_NS)
    calm = table[~near]
    if len(calm) <= 2000:
        return []
    count = max(3, min(12, int((calm["at"].max() - calm["at"].min()) / (3 * MINUTE_NS))))
    calm = calm.sort_values("at", kind="stable")
    pieces = np.repeat(np.arange(count), [len(part) for part in np.array_split(np.arange(len(calm)), count)])
    return list(features(calm, pieces.tolist()).values())


def _with_absent(window: Features, others: Sequence[Features]) -> Features:
    """Calls and inner spans that others have and this window lacks count as few, where their service was called."""
    import numpy as np

    seen = {feature.service for feature in window}
    absent = {f for other in others for f in other if f.what in ("calls", "inner") and f.service in seen} - set(window)
    usual = {f: float(np.median([other[f].mean for other in others if f in other])) for f in absent}
    return {**window, **{feature: Value(mean - 3, 0.3, 20) for feature, mean in usual.items()}}


def _scores(window: Features, others: Sequence[Features]) -> dict[str, float]:
    """A service's score is its largest |z|; a caller whose change is calls, errors or gap gives way to a callee that
    changed at least half as much.
    """
    found: dict[str, tuple[float, str]] = {}
    for feature, z in deviations(window, others, 3, 0.03).items():
        weight = 0.9 if feature.what == "gap" else 1.0
        found[feature.service] = max(found.get(feature.service, (0.0, "")), (abs(z) * weight, feature.what))
    scores = {service: score for service, (score, _) in found.items()}
    edges = {(f.service, f.part) for other in others for f in other if f.what == "calls"}
    for caller, callee in sorted(edges):
        mine, below = found.get(caller, (0.0, "")), found.get(callee, (0.0, "gap"))
        if mine[1] in ("errors", "gap", "calls") and below[0] >= 0.5 * mine[0] and below[1] != "gap":
            scores[caller] = min(scores[caller], below[0] * 0.99)
    return scores


def incidents(table: Frame) -> list[Incident]:
    """Two minutes in a row, or with one between them, in which a service deviates by more than the quiet minutes do,
    which are the first eleven: the largest deviation of each from the other ten, times 1.3.
    """
    begin = int(table["at"].min())
    first = table.groupby("TraceId")["at"].transform("min")
    minutes = features(table, (first - begin) // MINUTE_NS)
    quiet = [minutes[m] for m in range(QUIET_MINUTES) if m in minutes]
    rest = [_worst(quiet[i], [*quiet[:i], *quiet[i + 1 :]])[0] for i in range(len(quiet))]
    bound = MARGIN * max(rest, default=0.0)
    flagged = [
        (m, who) for m in sorted(minutes) if m >= QUIET_MINUTES for z, who in [_worst(minutes[m], quiet)] if z > bound
    ]
    runs: list[list[tuple[int, str]]] = []
    for minute, who in flagged:
        if runs and minute - runs[-1][-1][0] <= 2:
            runs[-1].append((minute, who))
        else:
            runs.append([(minute, who)])
    start = datetime.fromtimestamp(begin / 1e9, UTC)
    return [
        Incident(
            start + timedelta(minutes=run[0][0]),
            start + timedelta(minutes=run[-1][0] + 1),
            Counter(who for _, who in run).most_common(1)[0][0],
        )
        for run in runs
        if len(run) >= 2
    ]


def _worst(minute: Features, quiet: Sequence[Features]) -> tuple[float, str]:
    found = deviations(minute, quiet, 5, 0.05)
    return max(((abs(z), feature.service) for feature, z in found.items()), key=lambda x: x[0], default=(0.0, ""))


def excess(table: Frame, learned: Callable[[Any], Any]) -> dict[str, float]:
    """Milliseconds of each trace beyond what is usual: the sum, over its spans, of self time and gap beyond the median
    plus two scales, a scale from the upper quartile (robust against up to a quarter of faulty traces).

    :param learned: which spans the usual is learned from, by their time in ns.
    """
    import pandas as pd

    usual = table[learned(table["at"])]
    total = pd.Series(0.0, index=table.index)
    for column in ("self", "gap"):
        grouped = usual.groupby(["ServiceName", "SpanName"])[column]
        middle, upper = grouped.median(), grouped.quantile(0.75)
        bound = (middle + 2 * (upper - middle) / 0.6745).rename("bound")
        bounds = table.join(bound, on=["ServiceName", "SpanName"])["bound"]
        total += (table[column] - bounds).clip(lower=0).fillna(0)
    return (total.groupby(table["TraceId"]).sum() / 1e6).to_dict()
