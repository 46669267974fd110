"""The console that commands print to: text out of telemetry is text, whatever it holds."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

from otel_pipeline.printable import printable


class PlainConsole(Console):
    """A Rich console for text that strangers wrote: no markup, no emoji codes, and no characters that a terminal obeys.

    What is meant to be bold says so by ``style``.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, "emoji": False, **options})

    def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
        """The segments of a renderable, each made printable."""
        for segment in super().render(*args, **kwargs):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)
