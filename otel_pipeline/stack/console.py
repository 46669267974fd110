"""What a person sees of a running stack: coloured lines with the name of the process that wrote them."""

import re
import threading

from rich.console import Console
from rich.text import Text

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_cyan", "bright_magenta", "bright_green", "bright_blue")
WIDTH = 11

# Dagster says at every tick, each five seconds, that nothing is to be done, and each event of each run; the log files
# have it.
CHATTER = re.compile(r"SensorDaemon - INFO - (Checking for new runs|Sensor \S+ skipped)| - dagster - DEBUG - ")


class StackConsole:
    """Prints output and events of a stack's processes.

    :param quiet: events only.
    """

    def __init__(self, console: Console, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._colours: dict[str, str] = {}
        self._lock = threading.Lock()

    def echo(self, name: str, line: str) -> None:
        """A line of a process's output."""
        if not self._quiet and not CHATTER.search(line):
            self._print(name, Text.from_ansi(line))

    def event(self, name: str, state: str, detail: str) -> None:
        """A process changed its state."""
        style = {"ready": "bold green", "pause": "bold yellow", "failed": "bold red"}.get(state, "bold")
        words = {"pause": "died", "failed": "given up"}.get(state, state)
        self._print(name, Text(f"{words} {detail}".rstrip(), style=style))

    def _print(self, name: str, text: Text) -> None:
        with self._lock:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            self._console.print(Text(f"{name:<{WIDTH}}", style=colour) + Text("│ ", style="dim") + text, soft_wrap=True)
