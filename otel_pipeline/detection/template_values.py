"""Values that are written in different ways: with units and without, as lists of any length and order, glued to a
name; and the few names that are met all over a log."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from otel_pipeline.detection.template_parts import Around, Tokens, around, skeleton
from otel_pipeline.detection.template_rules import Rules
from otel_pipeline.detection.template_text import WILD, is_word
from otel_pipeline.detection.template_words import UNITS, constant, verbs

# What stands between the items of a list, and between a name and the rest of a value.
_SEPARATORS = ((",", " "), (",",), (" ", "|", " "), ("|",), (";",), (";", " "), (" ",), (" ", "/", " "))
_GLUE = frozenset(":/@|+")
_QUOTES = frozenset("\"'`")


def lists(cuts: Iterable[Tokens]) -> dict[Tokens, Tokens]:
    """Forms that differ by a list of words, and what they become: items of a list stand in any order, parts of a
    sentence do not."""
    found: dict[Around, list[tuple[Tokens, Tokens]]] = defaultdict(list)
    single: dict[Around, list[tuple[Tokens, str]]] = defaultdict(list)
    cuts = list(cuts)
    for cut in cuts:
        for start, end in _runs(cut):
            found[around(cut, start, end)].append((cut, tuple(t for t in cut[start:end] if is_word(t))))
    if not found:
        return {}
    for cut in cuts:
        for i, token in enumerate(cut):
            if is_word(token) and (key := (cut[:i], cut[i + 1 :])) in found:
                single[key].append((cut, token))
    renamed: dict[Tokens, Tokens] = {}
    for key, rows in found.items():
        first = {items[0] for _, items in rows} | {token for _, token in single[key]}
        later = {item for _, items in rows for item in items[1:]}
        if len(rows) + len(single[key]) > 1 and first & later - {WILD}:
            listed = first | later
            for cut in [cut for cut, _ in rows] + [cut for cut, token in single[key] if token in listed]:
                renamed.setdefault(cut, (*key[0], WILD, *key[1]))
    return renamed


def _runs(cut: Tokens) -> Iterator[tuple[int, int]]:
    """Words with a comma and a blank between each two, at least two of them."""
    i = 0
    while i < len(cut):
        end = i + 1
        if is_word(cut[i]):
            while cut[end : end + 2] == (",", " ") and end + 2 < len(cut) and is_word(cut[end + 2]):
                end += 3
        if end > i + 1:
            yield i, end
        i = end


def units(cuts: Iterable[Tokens]) -> dict[Tokens, Tokens]:
    """Forms whose values have different units, or some a unit and some none, and what they become: the unit is part of
    the value."""
    return _levelled(cuts, _bare, "")


def _levelled(
    cuts: Iterable[Tokens], reduced: Callable[..., tuple[Tokens, Mapping[int, Any]]], plain: Any
) -> dict[Tokens, Tokens]:
    """Forms with something beside their wildcards that differs, and what they become without it. Compared are forms of
    one skeleton with the same word before the wildcard.

    :param reduced: a form without it (or without that of some places), and what it is at each place in what is left.
    :param plain: what stands for a wildcard that has none.
    """
    found: dict[tuple[Tokens, str, int], dict[Any, list[Tokens]]] = defaultdict(lambda: defaultdict(list))
    for cut in cuts:
        short, told = reduced(cut)
        shape = skeleton(short)
        for i, token in enumerate(short):
            if token == WILD:
                found[shape, _word_before(short, i), i][told.get(i, plain)].append(cut)
    drop: dict[Tokens, set[int]] = defaultdict(set)
    for (_, _, place), by_what in found.items():
        if len(by_what) > 1:
            for what, rows in by_what.items():
                for cut in rows if what != plain else ():
                    drop[cut].add(place)
    return {cut: reduced(cut, places)[0] for cut, places in drop.items()}


def _bare(cut: Tokens, places: set[int] | None = None) -> tuple[Tokens, dict[int, str]]:
    """A form without its units (or without those of some places), and the unit of each place in what is left."""
    bare: list[str] = []
    told: dict[int, str] = {}
    plain = 0
    i = 0
    while i < len(cut):
        bare.append(cut[i])
        plain += 1
        if cut[i] == WILD and cut[i + 1 : i + 2] == (" ",) and cut[i + 2 : i + 3] and cut[i + 2].casefold() in UNITS:
            told[plain - 1] = cut[i + 2]
            if places is not None and plain - 1 not in places:
                bare += cut[i + 1 : i + 3]
            i += 2
        i += 1
    return tuple(bare), told


def _word_before(cut: Tokens, place: int) -> str:
    return next((token for token in reversed(cut[:place]) if is_word(token) and token != WILD), "")


def alternating(cuts: Iterable[Tokens], rules: Rules) -> set[str]:
    """Words that take each other's place in several surroundings, after different words: the same few users, hosts or
    queues are named all over a log. What happens (``opened``, ``closed``) is no value, though it alternates, too."""
    families: dict[Around, set[str]] = defaultdict(set)
    for cut in cuts:
        for i, token in enumerate(cut):
            if i and is_word(token) and token != WILD and not constant(token) and cut[0] != "{":
                families[around(cut, i, i + 1)].add(token)
    after: dict[str, set[str]] = defaultdict(set)
    sets: list[set[str]] = []
    for (head, _), words in families.items():
        if len(words) >= rules.alternating and not verbs(words):
            sets.append(words)
            before = next((token for token in reversed(head) if token not in (" ", *_QUOTES)), "")
            for word in words:
                after[word].add(before)
    found: set[str] = set()
    for words in sets:
        often = {word for word in words if len(after[word]) > 1}
        if len(often) >= rules.alternating:
            found |= often
    return found


def lengths(cuts: Iterable[Tokens]) -> dict[Tokens, Tokens]:
    """Forms with lists of wildcards of different lengths in one place, and what they become: the list is one
    wildcard."""
    return _levelled(cuts, _shortened, 1)


def _shortened(cut: Tokens, places: set[int] | None = None) -> tuple[Tokens, dict[int, int]]:
    """A form with one wildcard for each list of them (or for those at some places), and the length of each list by its
    place in the form with all lists shortened."""
    short: list[str] = []
    told: dict[int, int] = {}
    place = i = 0
    while i < len(cut):
        end, length = i + 1, 1
        if cut[i] == WILD:
            separator = _separator(cut, i + 1)
            while separator and cut[end : end + len(separator) + 1] == (*separator, WILD):
                end += len(separator) + 1
                length += 1
        if length > 1:
            told[place] = length
        short += cut[i : i + 1] if places is None or place in places else cut[i:end]
        place += 1
        i = end
    return tuple(short), told


def _separator(cut: Tokens, place: int) -> Tokens:
    """What stands between two wildcards from a place on, if that makes a list of them."""
    return next((s for s in _SEPARATORS if cut[place : place + len(s) + 1] == (*s, WILD)), ())


def compounds(cuts: Iterable[Tokens]) -> dict[Tokens, Tokens]:
    """Forms in which a word is glued to a wildcard (``db-primary:<*>``) where an equal form has a wildcard alone: that
    is one value."""
    forms = set(cuts)
    renamed: dict[Tokens, Tokens] = {}
    for cut in forms:
        all_single: list[str] = []
        last = 0
        for i in range(len(cut) - 2):
            parts = cut[i : i + 3 : 2]
            if cut[i + 1] in _GLUE and (i == 0 or cut[i - 1] == " ") and WILD in parts and all(map(is_word, parts)):
                all_single += (*cut[last:i], WILD)
                last = i + 3
                single = (*cut[:i], WILD, *cut[last:])
                if single in forms:
                    renamed[cut] = single
        together = (*all_single, *cut[last:])
        if last and together in forms:
            renamed[cut] = together
    return renamed
