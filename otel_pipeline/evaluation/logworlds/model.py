# Lists of words read best in lines.
"""What a made-up log system is: events with a pattern each, and lines drawn from them.

A pattern is text with ``«kind»`` for a value (see :mod:`.values`), ``⟦part⟧`` for a part that only some lines have.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from otel_pipeline.evaluation.logworlds.values import SLOT, Values

_OPTIONAL = re.compile(r"⟦([^⟦⟧]*)⟧")


@dataclass(frozen=True)
class Event:
    """A kind of line: its true template, and how a line is drawn."""

    template: str
    draw: Callable[[Random, Values], str]


@dataclass(frozen=True)
class World:
    """A made-up log system: lines, the event of each, the template of each event."""

    style: str
    seed: int
    lines: list[str]
    events: list[str]
    templates: dict[str, str]


def pattern(text: str) -> Event:
    """The event of a pattern."""
    return Event(truth(text), lambda dice, values: fill(text, dice, values))


def truth(text: str) -> str:
    """The template of a pattern: optional parts are there, values are wildcards."""
    return SLOT.sub("<*>", _OPTIONAL.sub(r"\1", text))


def fill(text: str, dice: Random, values: Values) -> str:
    """A line of a pattern."""
    kept = _OPTIONAL.sub(lambda m: m.group(1) if dice.random() < 0.5 else "", text)
    return SLOT.sub(lambda m: values.make(m.group(1)), kept)


def world(style: str, seed: int, events: list[Event], *, dice: Random, values: Values, lines: int) -> World:
    """Lines of events, with frequencies in the way of Zipf; a tenth of the events have one to three lines."""
    order = dice.sample(range(len(events)), len(events))
    rare = order[: max(2, len(order) // 10)]
    weights = [0.0 if e in rare else 1 / (1 + order.index(e)) ** 0.9 for e in range(len(events))]
    drawn = [e for e in rare for _ in range(dice.randint(1, 3))]
    drawn += [e for e in order if e not in rare]
    drawn += dice.choices(range(len(events)), weights, k=lines - len(drawn))
    dice.shuffle(drawn)
    return World(
        style,
        seed,
        [events[e].draw(dice, values) for e in drawn],
        [f"E{e + 1}" for e in drawn],
        {f"E{e + 1}": events[e].template for e in range(len(events))},
    )
