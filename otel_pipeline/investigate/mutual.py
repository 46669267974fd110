"""Do services behave badly in the same traces? Those that do not have troubles of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window, utc

PIECES = 8  # of the reference, the nearest: enough to know what is slow
LEAST = 5  # traces
SAME = 0.5  # of the bad traces of a service that hold another's trouble: then it is the other's
MORE = 1.3  # times as often as in all traces


@dataclass(frozen=True)
class Mutual:
    """How many traces services behave badly in, alone and in pairs.

    :param traces: all of the window. :param both: by pair, the same in either order; of one and the same: all of its.
    :param first: when the first of a service began.
    """

    traces: int = 0
    both: Mapping[tuple[str, str], int] = field(default_factory=dict)
    first: Mapping[str, datetime] = field(default_factory=dict)

    def bad(self, service: str) -> int:
        """Traces in which a service behaves badly."""
        return self.both.get((service, service), 0)

    def share(self, service: str, beside: str) -> float:
        """Share of a service's bad traces in which another behaves badly, too."""
        return self.both.get((service, beside), 0) / max(1, self.bad(service))

    def explained(self, service: str, by: str) -> bool:
        """Whether a service's trouble goes with another's: most of its bad traces hold the other's, more than chance
        brings together.
        """
        usual = self.bad(by) / max(1, self.traces)
        return self.share(service, by) >= SAME and self.share(service, by) >= min(1.0, MORE * usual)

    def apart(self, heads: Sequence[str], candidates: Sequence[str]) -> list[str]:
        """Of some services those with troubles of their own, beside those of the heads; the first come first."""
        found: list[str] = []
        for service in candidates:
            known = [*heads, *found]
            of_its_own = not any(self.explained(service, head) for head in known)
            if service not in known and self.bad(service) >= LEAST and of_its_own:
                found.append(service)
        return found


def mutual(db: Database, focus: Window, reference: Sequence[Window], services: Sequence[str], traces: int) -> Mutual:
    """Count for some services in how many traces of a window they behave badly together.

    :param traces: all of the window.
    """
    if not services:
        return Mutual(traces)
    windows = [focus, *reference[:PIECES]]
    where = {"starts": [w.start for w in windows], "ends": [w.end for w in windows]}
    both: dict[tuple[str, str], int] = {}
    first: dict[str, datetime] = {}
    for row in db.rows("investigate__mutual", **where, services=list(services)):
        both[row["A"], row["B"]] = both[row["B"], row["A"]] = row["Traces"]
        if row["A"] == row["B"]:
            first[row["A"]] = utc(row["First"])
    return Mutual(traces, both, first)
