"""Is this a known pattern? Structure and meaning must agree, with a margin over the runner-up, and a fresh check hold.

Otherwise the answer is "no known pattern", with the reason. Structure: the signs of an incident, what is wrong where,
without numbers; a sign that many patterns share says little, a rare one much. Signs of the blamed service itself tell
causes apart; what its callers suffer is alike for many causes. Where the trouble begins (an error that nobody handed
up, own work in which most time is lost) must be the same place, whether it fails there or is slow. Meaning: the
vectors of the texts.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from otel_pipeline.detection.memory import Pattern, distance
from otel_pipeline.detection.pattern_check import Checked
from otel_pipeline.detection.signs import Sign

LEAST_OWN = 0.4  # overlap of the signs of the blamed service, weighted
LEAST_OVERLAP = 0.45  # of those and the signs of others together
OWN = 2.0  # times that a sign of the blamed service counts
WEIGHTS = {"begins": 2.0, "latency": 2.0, "network": 2.0, "calls": 2.0, "at": 2.0}  # against what follows from it (1)
HALF = 0.5  # of a sign that is faint on one side
FARTHEST = 0.35  # cosine distance of the texts
NEAREST = 0.12  # below it a pattern that people described, without structure, is taken for the same
MARGIN = 0.1  # of overlap, by which the best must beat another cause
UNKNOWN = "no known pattern"


@dataclass(frozen=True)
class Match:
    """A pattern that agrees with what was found.

    :param overlap: shared weight of the structural signs, 0 to 1.
    :param distance: cosine distance of the texts; None without vectors of the same model.
    """

    pattern: Pattern
    overlap: float
    distance: float | None

    @property
    def fit(self) -> float:
        """How well it fits, to rank by: structure first, meaning between equals."""
        return self.overlap - 0.2 * (self.distance or 0.0)


@dataclass(frozen=True)
class Recall:
    """What the memory answers.

    :param pattern: the known pattern, confirmed by a person; None: no known pattern.
    :param why: in words, either way.
    """

    pattern: Pattern | None
    why: str
    match: Match | None = None
    runner_up: Match | None = None


def matches(patterns: Iterable[Pattern], fresh: Pattern) -> list[Match]:
    """Patterns with which structure and meaning both agree, the best first."""
    known = [(pattern, _structure(pattern)) for pattern in patterns]
    mine = _structure(fresh)
    weights = _weights((structure for _, structure in known), mine)
    found = []
    for pattern, theirs in known:
        if pattern.service_name != fresh.service_name or not _begin_alike(mine, theirs):
            continue
        (own, overlap), apart = _overlap(mine, theirs, fresh.service_name, weights), distance(pattern, fresh)
        if pattern.Features:
            agrees = own >= LEAST_OWN and overlap >= LEAST_OVERLAP and (apart is None or apart <= FARTHEST)
        else:  # described by a person in words alone
            agrees = apart is not None and apart <= NEAREST
            overlap = LEAST_OVERLAP
        if agrees:
            found.append(Match(pattern, overlap, apart))
    return sorted(found, key=lambda m: (-m.fit, m.pattern.Status != "confirmed", str(m.pattern.pattern_id)))


def same(patterns: Iterable[Pattern], fresh: Pattern) -> Pattern | None:
    """The pattern that an incident is one more occurrence of, whatever people think of it."""
    found = matches(patterns, fresh)
    return found[0].pattern if found else None


def recall(patterns: Iterable[Pattern], fresh: Pattern, check: Callable[[Pattern], Checked] | None = None) -> Recall:
    """The confirmed pattern for what was found.

    :param fresh: what was found, in the form of a pattern.
    :param check: asks the pattern's check on the window of what was found; without it, nothing is asked.
    """
    found = [match for match in matches(patterns, fresh) if match.pattern.pattern_id != fresh.pattern_id]
    decided = [match for match in found if match.pattern.Status in ("confirmed", "rejected", "stale")]
    if not decided:
        unsure = f"; {len(found)} like it are only suspected" if found else ""
        return Recall(None, f"{UNKNOWN}{unsure}")
    best = decided[0]
    rival = next((match for match in decided[1:] if _differs(match.pattern, best.pattern)), None)
    if best.pattern.Status != "confirmed":
        return Recall(None, f"{UNKNOWN}; the nearest ({_short(best)}) is {best.pattern.Status}", best, rival)
    if rival and best.fit - rival.fit < MARGIN:
        return Recall(None, f"{UNKNOWN}; {_short(best)} and {_short(rival)} fit about as well", best, rival)
    if check:
        checked = check(best.pattern)
        if not checked.holds:
            return Recall(None, f"{UNKNOWN}; {_short(best)} is like it, but {checked.why}", best, rival)
        return Recall(best.pattern, f"{_words(best)}; {checked.why}", best, rival)
    return Recall(best.pattern, _words(best), best, rival)


def _differs(one: Pattern, other: Pattern) -> bool:
    """Whether two patterns say different things; the same cause, noted twice, is no rival."""
    return (one.Status, one.root_cause, one.resolution) != (other.Status, other.root_cause, other.resolution)


@dataclass(frozen=True)
class _Structure:
    """The signs of a pattern, and the places where its trouble begins as signs of their own.

    :param clear: those that mark it; faint: those that agree with a clear one elsewhere, by half.
    :param places: where an error begins or something is slow; main: where an error begins or most time is lost.
    """

    clear: frozenset[str]
    faint: frozenset[str]
    places: frozenset[str]
    main: frozenset[str]


def _structure(pattern: Pattern) -> _Structure:
    signs = [Sign.parse(text) for text in pattern.Features]
    clear, faint = [s for s in signs if not s.faint], [s.clear for s in signs if s.faint]
    places = _places(clear, ("begins", "latency", "network"))
    lost = _places(clear, ("delay",))
    return _Structure(
        clear=frozenset(map(str, clear)) | places,
        faint=frozenset(map(str, faint)) | _places(faint, ("latency", "network")),
        places=places,
        main=_places(clear, ("begins",)) | lost if lost else places,
    )


def _places(signs: Iterable[Sign], kinds: Sequence[str]) -> frozenset[str]:
    return frozenset(str(Sign("at", s.service, s.operation, "")) for s in signs if s.kind in kinds)


def _begin_alike(mine: _Structure, theirs: _Structure) -> bool:
    """Whether each begins where the other is in trouble; where nothing tells of one of them, yes."""
    return not mine.main or not theirs.main or bool(mine.main & theirs.places and theirs.main & mine.places)


def _weights(known: Iterable[_Structure], fresh: _Structure) -> dict[str, float]:
    """How much each sign says: where trouble begins, and what few patterns share."""
    every = list(known)
    holders = Counter(sign for structure in every for sign in structure.clear)
    total = len(every) + 1
    signs = {*holders, *fresh.clear}
    # A sign that one pattern holds is as rare as one that none holds yet.
    rare = {sign: math.log(1 + total / max(1, holders[sign])) for sign in signs}
    return {sign: WEIGHTS.get(Sign.parse(sign).kind, 1.0) * rare[sign] for sign in signs}


def _overlap(mine: _Structure, theirs: _Structure, service: str, weights: dict[str, float]) -> tuple[float, float]:
    """Shared weight (Dice) of the signs of the blamed service alone, and of all signs."""

    def agreed(of: _Structure, other: _Structure, *, own: bool) -> tuple[float, float]:
        """Weight that the other one shares, and the whole."""
        shared = total = 0.0
        for sign in of.clear:
            is_own = Sign.parse(sign).service == service
            if is_own or not own:
                weight = weights[sign] * (OWN if is_own else 1.0)
                total += weight
                shared += weight if sign in other.clear else weight * HALF if sign in other.faint else 0.0
        return shared, total

    def dice(*, own: bool) -> float | None:
        (one, all_one), (two, all_two) = agreed(mine, theirs, own=own), agreed(theirs, mine, own=own)
        return (one + two) / (all_one + all_two) if all_one + all_two else None

    every = dice(own=False) or 0.0
    own = dice(own=True)
    return (every if own is None else own), every


def _short(match: Match) -> str:
    return str(match.pattern.pattern_id)[:8]


def _words(match: Match) -> str:
    meaning = "" if match.distance is None else f", distance {match.distance:.2f}"
    return f"{match.overlap:.0%} of the signs agree{meaning}"
