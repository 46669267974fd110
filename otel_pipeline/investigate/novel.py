"""Errors that were never seen in quiet times, summed by the service at which they begin.

However thin it is spread over wordings, types and endpoints, a new error is trouble: what is counted is the traces of a
service that hold any of them. How many new ones chance brings is told by those that came once in quiet times (Good, The
population frequencies of species, 1953). Errors that are known but came far more often than ever count as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.segments import burst_surprise
from otel_pipeline.investigate.model import IncidentSeen

LEAST = 5  # traces
CERTAIN = 6.0  # -log10 of a chance: one in a million, over some dozen services
RISE_LEAST, RISE_TIMES, RISE_CERTAIN = 10, 5.0, 8.0  # known errors, against their usual share
LEAST_VISITS = 50  # in quiet times: fewer cannot show what is usual
MOSTLY = 0.5
STRAY, FAR = 60.0, 10.0  # seconds, and times the usual gap, by which a stray is apart
SHOWN_WORDINGS = 5


@dataclass(frozen=True)
class Novel:
    """New errors that begin at a service.

    :param traces: with errors never seen before. :param visits: all requests; 0 where lines outside traces tell.
    :param failing: requests with any error that begins there.
    :param said: the wordings and how many traces each, the most frequent first; endpoints: the same of root operations.
    :param peers: services that were being called when it failed. :param inside: traces in each incident of the window.
    :param surprise: -log10 of the chance that so many come by themselves.
    """

    service: str
    traces: int
    visits: int
    failing: int
    usual: float
    first: datetime
    last: datetime
    surprise: float
    said: tuple[tuple[str, int], ...] = ()
    endpoints: tuple[tuple[str, int], ...] = ()
    peers: tuple[tuple[str, int], ...] = ()
    inside: tuple[int, ...] = ()
    examples: tuple[str, ...] = field(default=())

    @property
    def new(self) -> bool:
        """Never seen before, rather than more of what is known."""
        return self.traces > 0

    @property
    def window(self) -> Window:
        """From the first to the last of them."""
        return Window(self.first, self.last + timedelta(milliseconds=1))

    @property
    def words(self) -> str:
        """What it is, for people."""
        if not self.visits:
            most = f": {self.said[0][0]}" if self.said else ""
            return f"{self.traces} error lines outside any trace, unlike in quiet times{most}"
        if not self.new:
            share = self.failing / max(1, self.visits)
            return f"errors begin here in {share:.1%} of its requests, usually in {self.usual:.2%}"
        spread = f" in {len(self.said)} wordings" if len(self.said) > 1 else ""
        if len(self.said) >= SHOWN_WORDINGS:
            spread = f" in {len(self.said)} or more wordings"
        most = self.said[0][0] if self.said else ""
        told = f": {most}" if most else ""
        return f"new errors begin here{spread}, not seen in quiet times ({self.traces} of {self.visits} requests){told}"

    @property
    def _unit(self) -> str:
        return "traces" if self.visits else "lines"

    @property
    def facts(self) -> list[str]:
        """More about it, for people."""
        facts = [f"new error: {text or 'without a message'} [{count} {self._unit}]" for text, count in self.said]
        if len(self.endpoints) > 1:
            facts.append(f"through {', '.join(f'{name} ({count})' for name, count in self.endpoints)}")
        facts += [f"while it called {peer} [{count} traces]" for peer, count in self.peers]
        return facts


def novel(
    db: Database,
    window: Window,
    quiet: Sequence[Window],
    incidents: Sequence[IncidentSeen] = (),
    service: str | None = None,
) -> list[Novel]:
    """New errors of a window by service, those with the most traces first; none without quiet times.

    :param incidents: those of the window, for which the new errors are counted one by one.
    :param service: only traces in which it takes part.
    """
    if not quiet:
        return []
    return tell(
        db.rows(
            "investigate__novel",
            hours=sorted({hour for w in (window, *quiet) for hour in w.hours()}),
            start=window.start,
            end=window.end,
            starts=[w.start for w in quiet],
            ends=[w.end for w in quiet],
            incident_starts=[i.start for i in incidents],
            incident_ends=[i.end for i in incidents],
            service=service or "",
        )
    )


def tell(rows: Sequence[dict[str, Any]]) -> list[Novel]:
    """Rows of ``investigate__novel`` that are no chance."""
    found = []
    for row in rows:
        visits, before = row["Visits"], row["VisitsBefore"]
        if before < LEAST_VISITS:
            continue
        new = min(row["Traces"], visits)
        usual = min(0.99, (row["Singles"] + 0.5) / (before + 1))
        surprise = burst_surprise(visits, new, usual) if new else 0.0
        if new < LEAST or surprise < CERTAIN:
            failing = min(row["Failing"], visits)
            usual = min(0.99, (row["FailingBefore"] + 0.5) / (before + 1))
            surprise = burst_surprise(visits, failing, usual) if failing else 0.0
            if failing < RISE_LEAST or failing / visits < RISE_TIMES * usual or surprise < RISE_CERTAIN:
                continue
            new = 0
        found.append(_novel(row, new, usual, surprise))
    return sorted(found, key=lambda n: (-n.surprise, n.service))


def explains(novel: Sequence[Novel], number: int, incident: IncidentSeen) -> str:
    """The service whose new errors most of an incident's anomalous traces hold; empty where there is none.

    :param number: of the incident, as they were given to :func:`novel`.
    """
    most = max((n for n in novel if n.new and number < len(n.inside)), key=lambda n: n.inside[number], default=None)
    if most is None or most.inside[number] < MOSTLY * max(1, incident.anomalous):
        return ""
    return most.service


def dense(times: Sequence[float]) -> tuple[float, float]:
    """When it began and ended: strays at either end, far from all others, are left out.

    :param times: in order, seconds.
    """
    first, last = 0, len(times) - 1
    gaps = [later - earlier for earlier, later in pairwise(times)]
    far = max(STRAY, FAR * median(gaps)) if gaps else 0.0
    while last - first >= LEAST and gaps[first] > far:
        first += 1
    while last - first >= LEAST and gaps[last - 1] > far:
        last -= 1
    return times[first], times[last]


def _novel(row: dict[str, Any], new: int, usual: float, surprise: float) -> Novel:
    def counted(name: str) -> tuple[tuple[str, int], ...]:
        return tuple((pair[0], pair[1]) for pair in row[name]) if new else ()

    first, last = dense(row["Times"])
    return Novel(
        service=row["Service"],
        traces=new,
        visits=row["Visits"],
        failing=row["Failing"],
        usual=usual,
        first=datetime.fromtimestamp(first, UTC),
        last=datetime.fromtimestamp(last, UTC),
        surprise=round(surprise, 1),
        said=counted("Said"),
        endpoints=counted("Endpoints"),
        peers=counted("Peers"),
        inside=tuple(row["Inside"]),
        examples=tuple(row["Examples"]),
    )
