"""Which troubles a window holds: each has its own time, its own incidents, its own cause.

Incidents that are blamed on the same service belong together, as do the new errors that begin there. An incident most
of whose traces hold new errors belongs to the service at which these begin, whomever it was blamed on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from otel_pipeline.detection import blame
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.model import IncidentSeen
from otel_pipeline.investigate.novel import MOSTLY, Novel, explains

MOST = 3
NEAR = timedelta(minutes=3)  # incidents of a service that are further apart are told as further ones, not compared
TIMES = 2  # or further apart than so many times their own length


@dataclass(frozen=True)
class Trouble:
    """A trouble.

    :param focus: from its beginning to its end. :param seen: its incidents, the clearest first.
    :param service: blamed first, or at which new errors begin; empty where nothing tells.
    :param novel: the new errors. :param weight: to put the clearest first.
    """

    focus: Window
    seen: Sequence[IncidentSeen] = ()
    service: str = ""
    novel: Novel | None = None
    weight: float = 0.0


@dataclass
class _Group:
    service: str
    spans: list[Window] = field(default_factory=list)
    seen: list[IncidentSeen] = field(default_factory=list)
    novel: Novel | None = None


def troubles(near: Sequence[IncidentSeen], news: Sequence[IncidentSeen], novel: Sequence[Novel]) -> list[Trouble]:
    """The troubles of a window, the clearest first.

    :param near: all incidents, in the order in which new errors were counted in them; news: those that are news.
    """
    groups: dict[str, _Group] = {}
    told = {incident.incident_id: explains(novel, number, incident) for number, incident in enumerate(near)}
    for incident in news:
        service = told[incident.incident_id] or incident.service
        group = groups.setdefault(service, _Group(service))
        group.seen.append(incident)
        group.spans.append(span(incident))
    for errors in novel:
        if _harmless(errors, near, news):
            continue
        group = groups.setdefault(errors.service, _Group(errors.service))
        group.novel = errors
        group.spans.append(errors.window)
    found = [_trouble(group) for group in groups.values()]
    return sorted(found, key=lambda t: (-t.weight, t.focus.start))[:MOST]


def span(incident: IncidentSeen) -> Window:
    """The time of an incident, long enough to compare."""
    return Window(incident.start, max(incident.end, incident.start + blame.SHORTEST))


def _harmless(errors: Novel, near: Sequence[IncidentSeen], news: Sequence[IncidentSeen]) -> bool:
    """Whether most of the new errors lie within incidents that are no news."""
    known = {incident.incident_id for incident in news}
    inside = sum(
        count for incident, count in zip(near, errors.inside, strict=False) if incident.incident_id not in known
    )
    return inside >= MOSTLY * errors.traces and inside > 0


def _trouble(group: _Group) -> Trouble:
    surprise = max([float(i.surprise) for i in group.seen], default=0.0)
    weight = max(surprise, group.novel.surprise if group.novel else 0.0)
    if group.seen and not group.novel:
        focus = _together(span(group.seen[0]), [span(i) for i in group.seen[1:]])
    elif group.novel and not group.seen:
        focus = group.novel.window
    else:
        first = group.novel.window if group.novel else group.spans[0]
        focus = _together(first, group.spans)
    if focus.end - focus.start < blame.SHORTEST:
        focus = Window(focus.start, focus.start + blame.SHORTEST)
    return Trouble(focus, group.seen, group.service, group.novel, weight)


def _together(first: Window, others: Sequence[Window]) -> Window:
    """A time, with others that are near it."""
    start, end = first.start, first.end
    grown = True
    while grown:
        grown = False
        for other in others:
            gap = _gap(start, end, other)
            if gap <= max(NEAR, TIMES * (end - start)) and (other.start < start or other.end > end):
                start, end, grown = min(start, other.start), max(end, other.end), True
    return Window(start, end)


def _gap(start: datetime, end: datetime, other: Window) -> timedelta:
    return max(other.start - end, start - other.end, timedelta(0))
