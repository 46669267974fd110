"""Made-up log systems: seeded worlds of thirty to fifty events, of several grammars that have no text in common.

Seeds below :data:`JUDGING` are for development; figures that are reported come from seeds at and above it.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from random import Random

from otel_pipeline.evaluation.logworlds import (
    invented,
    languages,
    networks,
    operations,
    programs,
    services,
    structured,
    trades,
)
from otel_pipeline.evaluation.logworlds.model import Event, World, world
from otel_pipeline.evaluation.logworlds.values import Values


def mixed(dice: Random) -> list[Event]:
    """A system whose parts log in different ways: some events of each of three other grammars."""
    sources = (
        services.events,
        structured.events,
        operations.events,
        invented.events,
        trades.events,
        programs.events,
        networks.events,
    )
    found = [event for source in dice.sample(sources, 3) for event in dice.sample(source(dice), dice.randint(10, 15))]
    return list({event.template: event for event in found}.values())


JUDGING = 1000
LINES = 2000
STYLES: dict[str, Callable[[Random], list[Event]]] = {
    "services": services.events,
    "structured": structured.events,
    "operations": operations.events,
    "invented": invented.events,
    "trades": trades.events,
    "programs": programs.events,
    "networks": networks.events,
    "mixed": mixed,
    "korean": lambda dice: languages.events(dice, "korean"),
    "japanese": lambda dice: languages.events(dice, "japanese"),
    "chinese": lambda dice: languages.events(dice, "chinese"),
    "russian": lambda dice: languages.events(dice, "russian"),
    "german": lambda dice: languages.events(dice, "german"),
}


def make(style: str, seed: int, lines: int = LINES) -> World:
    """The world of a style and a seed, the same each time."""
    dice = Random(f"{style} {seed}")
    return world(style, seed, STYLES[style](dice), dice=dice, values=Values(dice), lines=lines)


def write(made: World, folder: Path) -> Path:
    """The world as a CSV file in the form of loghub."""
    path = folder / f"{made.style}_{made.seed}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("LineId", "Content", "EventId", "EventTemplate"))
        for number, (line, event) in enumerate(zip(made.lines, made.events, strict=True), 1):
            rows.writerow((number, line, event, made.templates[event]))
    return path
