"""Is a new version worse than the one before? Entry by entry, the same service, one version against the other.

Own work: difference of the medians of ln(time) over its standard error (1.2533 times that of the mean; McGill, Tukey
and Larsen, Variations of box plots, 1978). Where all entries became slow, it is the machine or the hour, not one entry.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.model import Deploy

BEFORE = timedelta(minutes=10)
SURE = 6.0  # standard deviations
TIMES = 2.0
MEDIAN = 1.2533
FLOOR = 0.1  # of ln(time)


@dataclass(frozen=True)
class Regression:
    """An entry of a service that does worse in a new version.

    :param score: standard deviations. :param at: when the version came.
    """

    service: str
    what: str
    score: float
    at: datetime


def regressions(db: Database, deploys: Sequence[Deploy], focus: Window) -> list[Regression]:
    """What became worse with the releases, the clearest first.

    :param deploys: releases among them that are not older than some minutes are looked at.
    """
    found: list[Regression] = []
    ran: set[tuple[str, str]] = set()
    for deploy in deploys:
        # What was replaced before the window began has done nothing in it.
        if any(d.service == deploy.service and deploy.at < d.at <= focus.start for d in deploys):
            ran.add((deploy.service, deploy.before))
            continue
        # A version that comes back is no news: what is told of it would be of the time before, too.
        back = (deploy.service, deploy.after) in ran
        ran.add((deploy.service, deploy.before))
        if deploy.kind == "release" and not back and deploy.at > focus.start - BEFORE:
            where = {"start": deploy.at - BEFORE, "end": focus.end, "service": deploy.service}
            rows = db.rows("investigate__releases", **where, versions=[deploy.before, deploy.after])
            found += compare(deploy, rows)
    return sorted(found, key=lambda r: (-r.score, r.service, r.what))


def compare(deploy: Deploy, rows: Sequence[dict[str, Any]]) -> list[Regression]:
    """Rows of ``investigate__releases``, one version against the other."""
    old = {row["Entry"]: row for row in rows if row["Version"] == deploy.before}
    new = {row["Entry"]: row for row in rows if row["Version"] == deploy.after}
    both = sorted(old.keys() & new.keys())
    usual = median(new[entry]["Middle"] - old[entry]["Middle"] for entry in both) if len(both) > 2 else 0.0
    found = []
    for entry in both:
        was, now = old[entry], new[entry]
        counts = f"({now['Visits']} against {was['Visits']} visits)"
        later = now["Middle"] - was["Middle"] - max(0.0, usual)
        error = (
            MEDIAN
            * 1.4826
            * math.hypot(
                max(FLOOR, was["Deviation"]) / math.sqrt(was["Visits"]),
                max(FLOOR, now["Deviation"]) / math.sqrt(now["Visits"]),
            )
        )
        if later >= math.log(TIMES) and later / error >= SURE:
            times = math.exp(now["Middle"] - was["Middle"])
            what = f"{entry} takes {times:.1f} times as long in {deploy.after} as in {deploy.before} {counts}"
            found.append(Regression(deploy.service, what, round(later / error, 1), deploy.at))
        share = was["Failed"] / was["Visits"]
        both_failed = (was["Failed"] + now["Failed"] + 1) / (was["Visits"] + now["Visits"] + 2)
        spread = math.sqrt(both_failed * (1 - both_failed) * (1 / was["Visits"] + 1 / now["Visits"]))
        sure = (now["Failed"] / now["Visits"] - share) / spread
        if sure >= SURE:
            failed = (
                f"{now['Failed'] / now['Visits']:.0%} of {entry} fail in {deploy.after}, {share:.0%} in {deploy.before}"
            )
            found.append(Regression(deploy.service, f"{failed} {counts}", round(sure, 1), deploy.at))
    return found
