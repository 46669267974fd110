"""What recurs: the same deviation in the same phase of past periods, such as a batch job every quarter of an hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import shifts
from otel_pipeline.detection.model import Window, utc
from otel_pipeline.together import together

PERIODS = tuple(timedelta(minutes=m) for m in (5, 10, 15, 20, 30, 60, 120, 360, 720, 1440, 10080))
NAMES = {1440: "day", 10080: "week", 60: "hour"}
PHASES = 6
LEAST_PHASES, LEAST_DAYS = 3, 2
SHOWING = 0.75  # of the past phases that held traffic
ALIKE = 0.5  # of the weight of the reasons
AS_MUCH = 0.3  # of the share of anomalous traces that it has now
SHIFTED = 0.8  # of the traces are unusual: a shift
AS_MUCH_SHIFTED = 0.7  # of the unusual traces of now; the window then is wider and may hold more
JITTER = timedelta(seconds=30)

Key = tuple[str, str, str]
UNUSUAL: Key = ("unusual", "", "")


@dataclass(frozen=True)
class Recurring:
    """A deviation that comes again and again.

    :param seen: past phases that showed it, :param of: of those that held traffic.
    """

    period: timedelta
    seen: int
    of: int

    @property
    def words(self) -> str:
        """What it is, for people."""
        minutes = int(self.period.total_seconds() // 60)
        every = f"every {NAMES[minutes]}" if minutes in NAMES else f"every {minutes} minutes"
        return f"the same recurs {every}: seen in {self.seen} of the last {self.of} such times"


def of_all(
    db: Database, windows: Sequence[Window], operations: Sequence[Sequence[str]] | None = None
) -> list[Recurring | None]:
    """What recurs, of some windows.

    :param operations: of each window the root operations that are odd, "service:operation"; without them all.
    """
    if not windows:
        return []
    first = utc(db.one("investigate__oldest")["First"])
    named = operations or [()] * len(windows)
    return together(*(partial(recurring, db, window, first, mine) for window, mine in zip(windows, named, strict=True)))


def recurring(db: Database, focus: Window, first: datetime, operations: Sequence[str] = ()) -> Recurring | None:
    """Whether what is odd in a window was so in the same phase of past periods, and not between them.

    :param first: when traffic began: longer periods than the history holds phases of cannot be told.
    :param operations: root operations, "service:operation", whose traffic counts; all where none is named.
    """
    length = focus.end - focus.start
    periods = [p for p in PERIODS if p >= 2 * length and focus.start - least(p) * p - JITTER >= first]
    if not periods:
        return None
    courses = {period: [_phase(focus, k * period, period, length) for k in range(1, PHASES + 1)] for period in periods}
    windows = [focus, *(w for course in courses.values() for there, between in course for w in (there, *between))]
    hours = sorted({hour for window in windows for hour in window.hours()})
    where = {"starts": [w.start for w in windows], "ends": [w.end for w in windows], "hours": hours}
    seen: dict[int, dict[Key, int]] = {}
    for row in db.rows("investigate__phases", **where, unusual=shifts.UNUSUAL, operations=list(operations)):
        seen.setdefault(row["Window"] - 1, {})[row["Kind"], row["Service"], row["Operation"]] = row["Traces"]
        if not row["Kind"]:
            seen[row["Window"] - 1][UNUSUAL] = row["Unusual"]
    found = {window: seen.get(number, {}) for number, window in enumerate(windows)}
    for period, course in courses.items():
        known = [(found[there], [found[w] for w in between if found[w]]) for there, between in course if found[there]]
        if not found[course[0][0]]:  # without traffic a period ago, a multiple of the period would be told
            continue
        shown = sum(alike(found[focus], phase) for phase, _ in known)
        amid = [alike(found[focus], then) for _, between in known for then in between]
        enough = least(period)
        if (
            len(known) >= enough
            and shown >= max(enough, SHOWING * len(known))
            and sum(amid) <= (1 - SHOWING) * len(amid)
        ):
            return Recurring(period, shown, len(known))
    return None


def least(period: timedelta) -> int:
    """Phases that must have shown it."""
    return LEAST_DAYS if period >= timedelta(days=1) else LEAST_PHASES


def phases(focus: Window) -> list[Window]:
    """The same phase of some past periods: what metrics do then is usual, too."""
    length = focus.end - focus.start
    wanted = [
        p for p in PERIODS if p in (timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)) and p >= 2 * length
    ]
    return [_phase(focus, k * period, period, length)[0] for period in wanted for k in (1, 2, 3)]


def _phase(focus: Window, back: timedelta, period: timedelta, length: timedelta) -> tuple[Window, list[Window]]:
    """The window so long ago, a little wider for a clock that is not exact; and others as far from it as can be."""
    jitter = min(JITTER, (period - length) / 8)
    there = Window(focus.start - back - jitter, focus.end - back + jitter)
    parts = (1, 2, 3) if period >= 4 * (there.end - there.start) else (2,)
    return there, [Window(there.start + period * part / 4, there.end + period * part / 4) for part in parts]


def alike(now: dict[Key, int], then: dict[Key, int]) -> bool:
    """Whether most of what is odd now was odd then, about as often for its traffic."""
    reasons = {key: traces for key, traces in now.items() if any(key) and key != UNUSUAL}
    total, total_then = now.get(("", "", ""), 0), then.get(("", "", ""), 0)
    if not total_then:
        return False
    if now.get(UNUSUAL, 0) >= SHIFTED * total:
        # Nearly all traffic is unusual: few traces are anomalous by themselves, and what they are odd by is chance.
        return then.get(UNUSUAL, 0) >= min(SHIFTED * total_then, AS_MUCH_SHIFTED * now[UNUSUAL])
    if not reasons:
        return False
    # The window then is wider; what counts is how much there was, not its share of quiet traffic beside it.
    same = sum(
        traces
        for key, traces in reasons.items()
        if then.get(key, 0) >= max(2.0, AS_MUCH * traces * min(1, total_then / total))
    )
    return same >= ALIKE * sum(reasons.values())
