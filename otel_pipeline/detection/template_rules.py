"""The constants of the merging of log templates, each with what it means."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """How much evidence makes a place variable. All counts are of different words at the place."""

    # Plain words.
    words: int = 4
    # The first word of a line: mostly what speaks, or what happens.
    first: int = 12
    # Names in the shape of a value (a.b, a_b, a-b).
    names: int = 2
    # Words that are values elsewhere.
    lexicon: int = 2
    # So many words that alternate in one place, and in places after other words, are values.
    alternating: int = 3
    # Different values under one key, anywhere, that make all of its words values.
    key: int = 5
    # Share of the words that must agree where plain words vary (Drain's similarity threshold), and their least number.
    similarity: float = 0.5
    agreeing: int = 2
    # A plain word beside a wildcard is taken for one of its values where so many other words agree.
    beside: int = 3
    # Words that two templates have in common before one can be the other with an optional part.
    common: int = 2
    # So many texts at a place, with so many words of a sentence around it, are free text; or so many that stand at
    # other places, too. They have so many skeletons at least: a single word that varies is no text.
    texts: int = 8
    said: int = 3
    shared: int = 4
    # A key names the event where so many records have it, and so much more alike are the keys of those that say the
    # same there.
    event_share: float = 0.8
    event_gain: float = 0.2
    # Share of the keys that two records without any event have in common when they are of one kind.
    alike: float = 0.6
    # So many kinds of such records are told apart.
    kinds: int = 200
    # Budget of a run: so many new texts, of so many characters, are merged with each other; so many more are tried
    # against the
    # templates found; the rest is "other".
    merged: int = 10_000
    merged_characters: int = 4_000_000
    tried: int = 100_000
    tried_characters: int = 20_000_000
    # Rounds of learning words and merging by them.
    rounds: int = 3
    # Rules of the text and of merging that are left out.
    without: frozenset[str] = frozenset()


RULES = Rules()


MERGING = (
    "lexicon",
    "keys",
    "beside",
    "quotes",
    "free text",
    "lists",
    "lengths",
    "compounds",
    "alternating",
    "first",
    "verbs",
    "han",
    "labels",
    "left over",
    "optional",
    "brackets",
    "pairs of keys",
    "units",
    "details",
)
