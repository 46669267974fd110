"""Trouble of a service over a window, as the parts that look for it hand it to the incidents."""

from dataclasses import dataclass
from typing import Literal

from otel_pipeline.detection.model import Window

Kind = Literal["behavior", "logs", "silence", "metrics"]


@dataclass(frozen=True)
class Finding:
    """Trouble that no single trace shows: a service's behavior, log lines, silence or saturation over a window.

    :param service: the one to blame. :param kind: behavior, logs, silence or metrics.
    :param why: one plain sentence, with units.
    :param surprise: -log10 of the chance of this in quiet times, corrected for how many were looked at.
    :param affected: further services that take part.
    :param observed, expected: what was measured, and what is usual, in the unit of ``why``.
    :param examples: trace ids, where there are any. :param templates: ids of log templates.
    """

    window: Window
    service: str
    kind: Kind
    why: str
    surprise: float
    affected: tuple[str, ...]
    observed: float
    expected: float
    examples: tuple[str, ...] = ()
    templates: tuple[int, ...] = ()
