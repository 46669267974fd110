"""The methods that a trace's score has to beat.

Raw duration; z-score of the duration within its operation; error flag; cosine distance of the trace's shape (a vector
of its calls) to the one centroid of all; milliseconds of self time and gaps beyond what is usual. Each, but for the
flag, has its threshold where ours has it: at the accepted share of false alarms among the traces that the normal is
learned from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.evaluation import plain_two_sided
from otel_pipeline.evaluation.figures import Figures, figures, threshold

EXCESS = "excess ms"
METHODS = {
    "duration": "Duration",
    "duration z-score by operation": "DurationZ",
    "error flag": "Error",
    "one centroid": "Distance",
}


@dataclass(frozen=True)
class Plain:
    """One method: its value for each trace id, and from where on it calls a trace anomalous."""

    name: str
    values: dict[str, float]
    threshold: float

    def figures(self, labels: Sequence[bool | None], traces: Sequence[str]) -> Figures:
        """How well it does on some traces."""
        scores = [self.values.get(trace, 0.0) for trace in traces]
        return figures(labels, scores, [score > self.threshold for score in scores])


def methods(db: Database, windows: Sequence[Window]) -> list[Plain]:
    """All four, learned from the traces that begin in the windows."""
    rows = db.rows("evaluation__plain", starts=[w.start for w in windows], ends=[w.end for w in windows])
    return [
        Plain(
            name,
            {row["TraceId"]: row[column] for row in rows},
            0.5 if column == "Error" else threshold([row[column] for row in rows if row["IsLearned"]]),
        )
        for name, column in METHODS.items()
    ]


def excess(table: plain_two_sided.Frame, windows: Sequence[Window]) -> Plain:
    """Excess milliseconds, see :func:`plain_two_sided.excess`, learned from the spans in the windows.

    :param table: :func:`plain_two_sided.spans`.
    """
    times = [(int(w.start.timestamp() * 1e9), int(w.end.timestamp() * 1e9)) for w in windows]

    def learned(at: Any) -> Any:
        return sum(((at >= start) & (at < end) for start, end in times), at < 0)

    values = plain_two_sided.excess(table, learned)
    first = table.groupby("TraceId")["at"].min()
    return Plain(EXCESS, values, threshold([values[trace] for trace in first[learned(first)].index]))
