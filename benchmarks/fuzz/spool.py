"""Files of the spool with bytes flipped at random."""

import random
from itertools import pairwise
from pathlib import Path

from benchmarks.fuzz import Round
from otel_pipeline.intake.segments import MARK, Mark, mark_of, pieces, seed_of


def spooling(folder: Path) -> Round:
    """Rounds of ``spool``."""
    run = "0" * 20 + "ab" * 8
    path = folder / f"plain_logs-{run}-000000000005.ready"
    seed = seed_of(run)

    def once(chance: random.Random) -> str:
        old = b"".join(mark_of(b"old", number, 0, seed) + b"old" for number in range(1, chance.randrange(1, 5)))
        raw, places = bytearray(), []
        for number in range(5, 5 + chance.randrange(1, 30)):
            forged = mark_of(b"x", 2**50, 0, 0) + b"x"
            body = chance.choice((chance.randbytes(chance.randrange(1, 400)), forged, b"\x7a\x1c" * 40))
            places.append((len(raw), len(raw) + MARK.size + len(body), number))
            raw += mark_of(body, number, number - 1, seed) + body
        raw += old
        hit: set[int] = set()
        for _ in range(chance.choice((0, 1, 1, 2, 5))):
            start = chance.randrange(len(raw))
            for place in range(start, min(len(raw), start + chance.choice((1, 1, 40, 500)))):
                raw[place] ^= chance.randrange(1, 256)
                hit |= {number for first, last, number in places if first <= place < last}
        path.write_bytes(raw)
        found = list(pieces(path))
        numbers = {piece.number for piece in found if isinstance(piece, Mark)}
        assert numbers >= {number for *_, number in places} - hit, (numbers, hit)
        assert numbers <= {number for *_, number in places}, "a mark that was never written"
        assert all(before.end == after.start for before, after in pairwise(found)), "a gap"
        return "damaged" if hit else "whole"

    return once
