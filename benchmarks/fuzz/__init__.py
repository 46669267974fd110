"""Random input for what strangers reach: ``python -m benchmarks.fuzz --help``."""

import random
import time
from collections import Counter
from collections.abc import Callable

Round = Callable[[random.Random], str]
"""One round: makes its input by the generator, raises where a promise is broken, returns what came of it."""


def tampered(chance: random.Random, body: bytes) -> bytes:
    """The body with some bytes flipped, cut out, doubled, or put in."""
    found = bytearray(body)
    for _ in range(chance.choice((0, 1, 1, 2, 3, 8))):
        place = chance.randrange(len(found) + 1)
        match chance.randrange(6):
            case 0 if found:
                found[place % len(found)] ^= 1 << chance.randrange(8)
            case 1 if found:
                found[place % len(found)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 2:
                del found[place : place + chance.randrange(1, 20)]
            case 3:
                found[place:place] = chance.randbytes(chance.randrange(1, 12))
            case 4:
                found[place:place] = found[place : place + chance.randrange(1, 60)] * chance.randrange(1, 4)
            case _:
                del found[place:]
    return bytes(found)


def run(once: Round, seconds: float, seed: int) -> Counter[str]:
    """Rounds until the time is over.

    :raises AssertionError: with the number of the round that failed.
    """
    outcomes: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    number = 0
    while time.monotonic() < deadline:
        try:
            outcomes[once(random.Random(seed * 10**9 + number))] += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}, round {number}: {type(error).__name__}: {error}") from error
        number += 1
    return outcomes
