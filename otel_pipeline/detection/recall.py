"""Is this a known pattern? Structure and meaning must agree, with a margin over the runner-up, and a fresh check hold.

Otherwise the answer is "no known pattern", with the reason. Structure: the signs of an incident, what is wrong where,
without numbers; a sign that many patterns share says little, a rare one much. Signs of the blamed service itself tell
causes apart; what its callers suffer is alike for many causes. Where the trouble begins (an error that nobody handed
up, own work that became slow) must be the same place, whether it fails there or is slow. Meaning: the vectors of the
texts.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from otel_pipeline.detection.memory import Pattern, distance
from otel_pipeline.detection.pattern_check import Checked

LEAST_OWN = 0.4  # overlap of the signs of the blamed service, weighted
LEAST_OVERLAP = 0.45  # of those and the signs of others together
OWN = 2.0  # times that a sign of the blamed service counts
WEIGHTS = {"begins": 2.0, "latency": 2.0, "at": 2.0}  # where trouble begins, against what follows from it (1)
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


class Sign(NamedTuple):
    """Something wrong somewhere, without numbers that vary.

    :param kind: ``begins`` (an error that no callee handed up), ``error``, ``template``, ``latency``, ``network``.
    :param detail: type of the error, or text of the template.
    """

    kind: str
    service: str
    operation: str
    detail: str

    def __str__(self) -> str:
        """As it stands in error_patterns.Features."""
        return "\t".join(part.replace("\t", " ") for part in self)

    @classmethod
    def parse(cls, text: str) -> "Sign":
        """The sign that was written; of another form, it is its own detail."""
        parts = text.split("\t")
        return cls(*parts) if len(parts) == 4 else cls("", "", "", text)

    @property
    def words(self) -> str:
        """For people."""
        what = {"begins": "error in", "error": "error passed on by", "latency": "slow", "network": "slow way to"}
        where = " ".join(part for part in (what.get(self.kind, ""), self.operation or self.service) if part)
        return self.detail if self.kind == "template" else f"{where} {self.detail}".strip()


def matches(patterns: Iterable[Pattern], fresh: Pattern) -> list[Match]:
    """Patterns with which structure and meaning both agree, the best first."""
    known = list(patterns)
    weights = _weights(known, fresh)
    found = []
    for pattern in known:
        (own, overlap), apart = _overlap(pattern, fresh, weights), distance(pattern, fresh)
        if pattern.service_name != fresh.service_name or not _begin_alike(pattern, fresh):
            continue
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


def _origins(pattern: Pattern) -> set[str]:
    """Where it begins: places as signs of their own."""
    signs = [Sign.parse(text) for text in pattern.Features]
    return {str(Sign("at", s.service, s.operation, "")) for s in signs if s.kind in ("begins", "latency")}


def _signs(pattern: Pattern) -> set[str]:
    return set(pattern.Features) | _origins(pattern)


def _begin_alike(pattern: Pattern, fresh: Pattern) -> bool:
    """Whether there is a place where both begin; where nothing tells of one of them, yes."""
    mine, theirs = _origins(fresh), _origins(pattern)
    return not mine or not theirs or bool(mine & theirs)


def _weights(known: Sequence[Pattern], fresh: Pattern) -> dict[str, float]:
    """How much each sign says: where trouble begins, and what few patterns share."""
    holders = Counter(sign for pattern in known for sign in _signs(pattern))
    total = len(known) + 1
    signs = {*holders, *_signs(fresh)}
    # A sign that one pattern holds is as rare as one that none holds yet.
    rare = {sign: math.log(1 + total / max(1, holders[sign])) for sign in signs}
    return {sign: WEIGHTS.get(Sign.parse(sign).kind, 1.0) * rare[sign] for sign in signs}


def _overlap(pattern: Pattern, fresh: Pattern, weights: dict[str, float]) -> tuple[float, float]:
    """Shared weight (Dice) of the signs of the blamed service alone, and of all signs."""
    service = fresh.service_name
    mine, theirs = _signs(fresh), _signs(pattern)
    own = {sign for sign in mine | theirs if Sign.parse(sign).service == service}

    def shared(of: set[str]) -> float:
        weight = {sign: weights[sign] * (OWN if sign in own else 1.0) for sign in of & (mine | theirs)}
        total = sum(weight[sign] for sign in mine & of) + sum(weight[sign] for sign in theirs & of)
        return 2 * sum(weight[sign] for sign in mine & theirs & of) / total if total else 0.0

    return shared(own), shared(mine | theirs)


def _short(match: Match) -> str:
    return str(match.pattern.pattern_id)[:8]


def _words(match: Match) -> str:
    meaning = "" if match.distance is None else f", distance {match.distance:.2f}"
    return f"{match.overlap:.0%} of the signs agree{meaning}"
