"""Incidents held against the ledger: recall, precision, delay, blame."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from otel_pipeline.evaluation.ledger import Fault, speaker

LIVE = timedelta(minutes=10)
"""A row that was first written this long after its fault's end was made from history: its delay says nothing."""


@dataclass(frozen=True)
class Finding:
    """What became of one fault.

    :param incidents: how many incidents touch it; of those one speaks for it (:func:`ledger.speaker`).
    :param replayed_s: seconds from the fault's start until the data alone shows an incident.
    :param live_s: seconds until the incident's row was written, where the lineage ran live.
    """

    fault: Fault
    incidents: int
    blamed: str
    title: str
    replayed_s: float | None
    live_s: float | None

    @property
    def found(self) -> bool:
        """Whether there is an incident."""
        return self.incidents > 0

    @property
    def right(self) -> bool:
        """Found, and the right service blamed."""
        return self.found and self.blamed == self.fault.service


def judge(fault: Fault, incidents: Sequence[dict[str, Any]], replayed: datetime | None) -> Finding:
    """Hold one fault against the incidents.

    :param incidents: rows of ``evaluation__incidents``, times aware.
    :param replayed: when the data alone showed an incident.
    """
    own = [row for row in incidents if fault.touches(row["Start"], row["End"])]
    best = speaker(fault.window, own)
    first = min((row["DetectedAt"] for row in own), default=None)
    live = first is not None and first < fault.window.end + LIVE
    return Finding(
        fault=fault,
        incidents=len(own),
        blamed=best["Service"] if best else "",
        title=best["Title"] if best else "",
        replayed_s=(replayed - fault.window.start).total_seconds() if replayed else None,
        live_s=(first - fault.window.start).total_seconds() if first and live else None,
    )


def figures(
    findings: Sequence[Finding], faults: Sequence[Fault], incidents: Sequence[dict[str, Any]], quiet_hours: float
) -> dict[str, Any]:
    """All figures of some faults and incidents; shares are None of nothing.

    :param findings: of the faults that broke something. :param faults: all, the harmless ones too.
    :param quiet_hours: judged time in which nothing was switched on.
    """
    real = [finding for finding in findings if not finding.fault.harmless]
    found = [finding for finding in real if finding.found]

    def of(row: dict[str, Any], harmless: bool) -> bool:
        return any(f.touches(row["Start"], row["End"]) for f in faults if f.harmless == harmless)

    true = [row for row in incidents if of(row, False)]
    neighbour = [row for row in incidents if not of(row, False) and of(row, True)]
    false = [row for row in incidents if not of(row, False) and not of(row, True)]
    return {
        "faults": len(real),
        "incidents": len(incidents),
        "recall": _share(len(found), len(real)),
        "precision": _share(len(true), len(incidents)),
        "rightly_blamed": _share(sum(finding.right for finding in found), len(real)),
        "neighbour_blamed": len(neighbour),
        "false_incidents": len(false),
        "quiet_hours": round(quiet_hours, 3),
        "false_per_quiet_hour": round(len(false) / quiet_hours, 2) if quiet_hours else None,
        **_delays("ttd", [f.replayed_s for f in found]),
        **_delays("ttd_live", [f.live_s for f in found]),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _delays(name: str, values: Sequence[float | None]) -> dict[str, float | None]:
    known = sorted(value for value in values if value is not None)

    def quantile(q: float) -> float | None:
        return round(known[min(len(known) - 1, int(q * len(known)))], 1) if known else None

    return {f"{name}_p50_s": quantile(0.5), f"{name}_p95_s": quantile(0.95)}
