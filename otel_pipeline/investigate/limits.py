"""Gauges at their limit: a pool of connections, threads, file handles, memory, and what they may reach at most.

Used and limit are paired by name (``x.count`` or ``x.usage`` with ``x.max`` or ``x.limit``, in the spellings of
OpenTelemetry, Prometheus and JMX alike) and by attributes: those of the limit are among those of the use.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from otel_pipeline.detection.model import utc
from otel_pipeline.detection.signals.vocabulary import LIMIT, SHARE, USED, stem, words
from otel_pipeline.investigate.model import MetricMove
from otel_pipeline.investigate.quantities import quantity, series_name

PATTERN = r"(?i)(^|[._/ -])(max|maximum|limit|capacity|quota)([._/ -]|$)"
FULL, ROOMY = 0.9, 0.7


def is_limit(metric: str) -> bool:
    """Whether a metric names the most that something may reach."""
    return bool(re.search(PATTERN, metric))


def exhausted(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], MetricMove]]:
    """Series that came to their limit and had room before."""
    ceilings = [(stem(row["Metric"], LIMIT), row) for row in rows if is_limit(row["Metric"])]
    for row in rows:
        if row["Kind"] != "level" or is_limit(row["Metric"]) or row["Points"] < 2:
            continue
        limit = _limit_of(row, ceilings)
        usual = row["Before"] if row["UsualPoints"] else 0.0
        if limit and row["High"] >= FULL * limit > ROOMY * limit >= usual:
            at = next(time for time, _, value in row["Mine"] if value >= FULL * limit)
            name = series_name(row["Metric"], row["Attributes"])
            before = f", usually {quantity(usual, row['Unit'])}" if row["UsualPoints"] else ""
            what = (
                f"{name} at its limit: {quantity(row['High'], row['Unit'])} of {quantity(limit, row['Unit'])}{before}"
            )
            share, was = row["High"] / limit, usual / limit
            known = (what, float(f"{usual:.4g}"), float(f"{row['High']:.4g}"), utc(at), round(10 * (share - was), 1))
            yield row, MetricMove("saturation", row["Service"], row["Metric"], *known)


def _limit_of(row: dict[str, Any], ceilings: Sequence[tuple[tuple[str, ...], dict[str, Any]]]) -> float:
    if SHARE & set(words(row["Metric"])):
        return 100.0 if row["Unit"] == "%" or row["Top"] > 2 else 1.0
    own = stem(row["Metric"], USED)
    for limit_stem, limit in ceilings:
        where = all(limit[key] == row[key] for key in ("Service", "Instance"))
        mine = row["Attributes"].items() >= limit["Attributes"].items()
        if where and mine and own and own == limit_stem and limit["Middle"] > 0:
            state = {row["Attributes"][key].lower() for key in row["Attributes"].keys() - limit["Attributes"].keys()}
            # With a state beside it, only what is in use counts; what has other parts is no measure of the whole.
            return limit["Middle"] if state <= USED | {"in_use"} else 0.0
    return 0.0
