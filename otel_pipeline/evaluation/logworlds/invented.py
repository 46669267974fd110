# Lists of words read best in lines.
# ruff: noqa: E501, SIM905
"""Grammar five: no language at all. Invented words, values anywhere, any delimiters: what can be known is in the statistics alone."""

from random import Random

from otel_pipeline.evaluation.logworlds.model import Event, pattern
from otel_pipeline.evaluation.logworlds.values import Invented

KINDS = (
    "int int int float hex uuid ip address host path url timestamp duration size version email invented invented invented"
    " user service colour pod quoted token percent region"
).split()
JOINTS = (" ", " ", " ", " ", ": ", ", ", " - ", " -> ")


def events(dice: Random) -> list[Event]:
    """Thirty to fifty events over a vocabulary of the world's own; some share how they begin."""
    source = Invented(dice)
    words = sorted({source.word() for _ in range(160)})
    found: dict[tuple[str, ...], Event] = {}
    wanted = dice.randint(30, 50)
    prefixes = [[dice.choice(words) for _ in range(dice.randint(1, 2))] for _ in range(6)]
    while len(found) < wanted:
        plain = list(dice.choice(prefixes)) if dice.random() < 0.4 else []
        plain += [dice.choice(words) for _ in range(dice.randint(2, 6))]
        plain[0] = plain[0].capitalize()
        text = ""
        for number, word in enumerate(plain):
            text += (dice.choice(JOINTS) if number > 1 else " ") if text else ""
            text += word
            if number and dice.random() < 0.4:
                text += dice.choice((" «{}»", " «{}»", "=«{}»", " («{}»)", " [«{}»]", "⟦ («{}»)⟧", ' "«{}»"')).format(
                    dice.choice(KINDS)
                )
        if dice.random() < 0.15:
            text += f" «{dice.choice(('invented', 'int', 'colour'))}{dice.choice('*+')}»"
        found.setdefault(tuple(plain), pattern(text))
    return list(found.values())
