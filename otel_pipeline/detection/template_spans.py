"""Values of several words: free text in a place of its own (causes, queries, quoted sentences), and lists in any order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from otel_pipeline.detection.template_parts import CLOSING, Tokens
from otel_pipeline.detection.template_rules import Rules
from otel_pipeline.detection.template_text import WILD, is_word
from otel_pipeline.detection.template_words import UNITS, constant, named, verbs

# What stands before and after a place.
Around = tuple[Tokens, Tokens]
_QUOTES = frozenset("\"'`")
_SEPARATORS = ((",", " "), (",",), (" ", "|", " "), ("|",), (";",), (";", " "), (" ",), (" ", "/", " "))
_GLUE = frozenset(":/@|+")
_ENDS = frozenset(":.-")


def places(cut: Tokens) -> Iterator[tuple[int, int]]:
    """Where free text may stand, as (start, end): after a colon, a dash or a full stop, up to the end of the bracket
    around it or of the line; in brackets; in quotes."""
    closing: list[int] = []
    pairs: dict[int, int] = {}
    ends = [len(cut)] * len(cut)
    for i in range(len(cut) - 1, -1, -1):
        if cut[i] in (")", "]", "}", "）"):
            closing.append(i)
        elif closing and CLOSING.get(cut[i]) == cut[closing[-1]]:
            pairs[i] = closing.pop()
        ends[i] = closing[-1] if closing else len(cut)
    for i in range(1, len(cut) - 1):
        if cut[i] in _ENDS and cut[i + 1] == " ":
            yield i + 2, ends[i + 1]
        elif i in pairs:
            yield i + 1, pairs[i]
        elif cut[i] in _QUOTES and cut[i - 1] in " (=[:" and cut[i] in cut[i + 1 :]:
            yield i + 1, cut.index(cut[i], i + 1)


def around(cut: Tokens, start: int, end: int) -> Around:
    return cut[:start], cut[end:]


def sentence(head: Tokens, foot: Tokens) -> int:
    """How many words of a sentence stand around a place; 0 where no two of them follow each other (names of loggers,
    levels, threads)."""
    words = [_plain(token) for token in head]
    adjacent = any(a and b and head[i + 1] == " " for i, (a, b) in enumerate(zip(words, words[2:], strict=False)))
    return (sum(words) + sum(map(_plain, foot))) if adjacent else 0


def _plain(token: str) -> bool:
    return token != WILD and is_word(token) and not named(token) and not constant(token)


def _shape(middle: Tokens) -> Tokens:
    return tuple(WILD if is_word(token) else token for token in middle)


def free(cuts: Iterable[Tokens], known: set[Around], rules: Rules) -> dict[Tokens, Tokens]:
    """Forms that differ by free text in a place, and what they become: the place is a wildcard.

    Free is a place with texts of very many shapes, or with several texts that stand in other places as well.

    :param known: what stands around places that were found to be free before.
    """
    found: dict[Around, dict[Tokens, list[Tokens]]] = defaultdict(lambda: defaultdict(list))
    where: dict[Tokens, set[Around]] = defaultdict(set)
    for cut in cuts:
        if cut[:1] == ("{",):
            continue
        for start, end in places(cut):
            if start < end:
                key = around(cut, start, end)
                found[key][cut[start:end]].append(cut)
                if sum(map(is_word, cut[start:end])) > 1:
                    where[cut[start:end]].add(key)
    renamed: dict[Tokens, Tokens] = {}
    chosen: list[Around] = []
    for key in sorted(found, key=lambda k: (-len(k[0]) - len(k[1]), k)):
        middles = found[key]
        head, foot = key
        if key not in known:
            if len(middles) < rules.shared:
                continue
            words = sentence(head, foot)
            shapes = len(middles) if len({_shape(middle) for middle in middles}) >= rules.shared else 0
            shared = sum(len(where[middle]) > 1 for middle in middles if middle in where)
            if not (
                (shapes >= rules.shapes and words >= rules.said) or (shared >= rules.shared and words >= rules.common)
            ):
                continue
        chosen.append(key)
        for rows in middles.values():
            for cut in rows:
                renamed.setdefault(cut, (*head, WILD, *foot))
    _join(found, chosen, renamed, rules)
    return renamed


def free_places(cut: Tokens, line: Tokens) -> set[Around]:
    """What stands around the places of a template where one of its lines has several words."""
    more = len(line) - len(cut)
    found: set[Around] = set()
    for i, token in enumerate(cut if more > 0 else ()):
        if token == WILD and i and sum(map(is_word, line[i : i + more + 1])) > 1:
            rest = (*zip(cut[:i], line[:i], strict=True), *zip(cut[i + 1 :], line[i + more + 1 :], strict=True))
            if all(a in (b, WILD) for a, b in rest):
                found.add(around(cut, i, i + 1))
    return found


def _join(
    found: Mapping[Around, Mapping[Tokens, list[Tokens]]], chosen: list[Around], renamed: dict[Tokens, Tokens], rules: Rules
) -> None:
    """Add the forms that have words where what stands around a free place has wildcards."""
    shapes: dict[Around, list[Around]] = defaultdict(list)
    for head, foot in chosen:
        if WILD in head or WILD in foot:
            shapes[_shape(head), _shape(foot)].append((head, foot))
    for key in sorted(found) if shapes else ():
        for around_free in shapes.get((_shape(key[0]), _shape(key[1])), ()):
            pairs = [pair for pair in zip(around_free[0] + around_free[1], key[0] + key[1], strict=True) if is_word(pair[0])]
            agreeing = sum(a == b != WILD for a, b in pairs)
            if agreeing >= rules.beside and all(a == b or (a == WILD and not constant(b)) for a, b in pairs):
                for rows in found[key].values():
                    for cut in rows:
                        renamed.setdefault(cut, (*around_free[0], WILD, *around_free[1]))


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
    """Forms whose values have different units, or some a unit and some none, and what they become: the unit is part of the
    value. Compared are forms of one shape with the same word before the value."""
    found: dict[tuple[Tokens, str, int], dict[str, list[Tokens]]] = defaultdict(lambda: defaultdict(list))
    for cut in cuts:
        bare, told = _bare(cut)
        shape = _shape(bare)
        for i, token in enumerate(bare):
            if token == WILD:
                found[shape, _word_before(bare, i), i][told.get(i, "")].append(cut)
    drop: dict[Tokens, set[int]] = defaultdict(set)
    for (_, _, place), by_unit in found.items():
        if len(by_unit) > 1:
            for unit, rows in by_unit.items():
                for cut in rows if unit else ():
                    drop[cut].add(place)
    return {cut: _bare(cut, places)[0] for cut, places in drop.items()}


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
    """Words that take each other's place in several surroundings, after different words: the same few users, hosts or queues
    are named all over a log. What happens (``opened``, ``closed``) is no value, though it alternates, too."""
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
    """Forms with lists of wildcards of different lengths in one place, and what they become: the list is one wildcard. Compared
    are forms of one shape with the same word before the list."""
    found: dict[tuple[Tokens, str, int], dict[int, list[Tokens]]] = defaultdict(lambda: defaultdict(list))
    for cut in cuts:
        short, told = _shortened(cut)
        shape = _shape(short)
        for i, token in enumerate(short):
            if token == WILD:
                found[shape, _word_before(short, i), i][told.get(i, 1)].append(cut)
    drop: dict[Tokens, set[int]] = defaultdict(set)
    for (_, _, place), by_length in found.items():
        if len(by_length) > 1:
            for length, rows in by_length.items():
                for cut in rows if length > 1 else ():
                    drop[cut].add(place)
    return {cut: _shortened(cut, places)[0] for cut, places in drop.items()}


def _shortened(cut: Tokens, places: set[int] | None = None) -> tuple[Tokens, dict[int, int]]:
    """A form with one wildcard for each list of them (or for those at some places), and the length of each list by its place
    in the form with all lists shortened."""
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
    """Forms in which a word is glued to a wildcard (``db-primary:<*>``) where an equal form has a wildcard alone: one value."""
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
