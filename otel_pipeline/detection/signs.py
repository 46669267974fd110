"""What marks trouble: something wrong somewhere, without numbers that vary."""

from typing import NamedTuple

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window

FAINT = "faint "
"""Before the kind of what is slow or frequent in a lesser part of the traces. It marks nothing by itself: it agrees
with what is clearly so elsewhere, so that trouble that comes back a little weaker is known again."""

WAY = "on the way"
"""Detail of a delay between a caller and the service."""

CLEAR_SHARE, FAINT_SHARE = 0.5, 0.25  # of the traces that have such work, where one in ten is usual
LEAST_TRACES = 8
OF_MOST = 0.2  # of the time that the slowest work added, for what is slow as well
TIMES_MORE = 1.5  # calls, against the usual


class Sign(NamedTuple):
    """Something wrong somewhere.

    :param kind: ``begins`` (an error that no callee handed up), ``error``, ``template``; ``latency`` (own work is
        slow), ``network`` (the way from a caller), ``calls`` (own work comes more often), each of them also faint;
        ``delay``: of all that is slow, what added most time.
    :param operation: of the service; for ``network``, and where that is the delay, its caller.
    :param detail: type of the error, text of the template, or WAY.
    """

    kind: str
    service: str
    operation: str
    detail: str

    def __str__(self) -> str:
        """As it stands in error_patterns.Features."""
        return "\t".join(part.replace("\t", " ") for part in self)

    @classmethod
    def parse(cls, text: str) -> "Sign":
        """The sign that was written; of another form, it is its own detail."""
        parts = text.split("\t")
        return cls(*parts) if len(parts) == 4 else cls("", "", "", text)

    @property
    def faint(self) -> bool:
        """Whether it marks nothing by itself."""
        return self.kind.startswith(FAINT)

    @property
    def clear(self) -> "Sign":
        """The same, of a larger part of the traces."""
        return self._replace(kind=self.kind.removeprefix(FAINT))

    @property
    def words(self) -> str:
        """For people."""
        if self.kind == "template":
            return self.detail
        if self.kind == "network" or self.detail == WAY:
            return f"slow way from {self.operation} to {self.service}"
        what = {"begins": "error in", "error": "error passed on by", "latency": "slow", "delay": "slow"}
        what["calls"] = "more calls of"
        return " ".join(filter(None, (what.get(self.kind, ""), self.operation or self.service, self.detail)))


def slowness(db: Database, window: Window) -> set[Sign]:
    """What is slower, or is done more often, in a window than in the quiet hours around it."""
    found = set()
    rows = db.rows("error_patterns__slower", start=window.start, end=window.end, least=LEAST_TRACES, faint=FAINT_SHARE)
    most = next((row for row in rows if row["Slow"] >= CLEAR_SHARE), None)
    for row in rows:
        kind, where = row["Kind"], (row["Service"], row["Operation"], "")
        if most and row["Slow"] >= CLEAR_SHARE and row["AddedMs"] >= OF_MOST * most["AddedMs"]:
            found.add(Sign(kind, *where))
        elif row["Slow"] >= FAINT_SHARE:
            found.add(Sign(FAINT + kind, *where))
        if kind == "latency" and row["More"] >= FAINT_SHARE:
            clear = row["More"] >= CLEAR_SHARE and row["TimesMore"] >= TIMES_MORE
            found.add(Sign("calls" if clear else FAINT + "calls", *where))
    if most and most["AddedMs"] > 0:
        found.add(Sign("delay", most["Service"], most["Operation"], WAY if most["Kind"] == "network" else ""))
    return found
