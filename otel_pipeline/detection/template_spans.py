"""Values of several words: free text in a place of its own (causes of errors, queries, quoted sentences)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from otel_pipeline.detection.template_parts import CLOSING, Around, Tokens, around, skeleton
from otel_pipeline.detection.template_rules import Rules
from otel_pipeline.detection.template_text import WILD, is_word
from otel_pipeline.detection.template_words import constant, named

_QUOTES = frozenset("\"'`")
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


def sentence(head: Tokens, foot: Tokens) -> int:
    """How many words of a sentence stand around a place; 0 where no two of them follow each other (names of loggers,
    levels, threads)."""
    words = [_plain(token) for token in head]
    adjacent = any(a and b and head[i + 1] == " " for i, (a, b) in enumerate(zip(words, words[2:], strict=False)))
    return (sum(words) + sum(map(_plain, foot))) if adjacent else 0


def _plain(token: str) -> bool:
    return token != WILD and is_word(token) and not named(token) and not constant(token)


def free(cuts: Iterable[Tokens], known: set[Around], rules: Rules) -> dict[Tokens, Tokens]:
    """Forms that differ by free text in a place, and what they become: the place is a wildcard.

    Free is a place with very many texts, or with several texts that stand in other places as well.

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
            skeletons = len({skeleton(middle) for middle in middles})
            shared = sum(len(where[middle]) > 1 for middle in middles if middle in where)
            if not (
                (len(middles) >= rules.texts and skeletons >= rules.shared and words >= rules.said)
                or (shared >= rules.shared and words >= rules.common)
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
    found: Mapping[Around, Mapping[Tokens, list[Tokens]]],
    chosen: list[Around],
    renamed: dict[Tokens, Tokens],
    rules: Rules,
) -> None:
    """Add the forms that have words where what stands around a free place has wildcards."""
    shapes: dict[Around, list[Around]] = defaultdict(list)
    for head, foot in chosen:
        if WILD in head or WILD in foot:
            shapes[skeleton(head), skeleton(foot)].append((head, foot))
    for key in sorted(found) if shapes else ():
        for head, foot in shapes.get((skeleton(key[0]), skeleton(key[1])), ()):
            pairs = [(a, b) for a, b in zip(head + foot, key[0] + key[1], strict=True) if is_word(a)]
            agreeing = sum(a == b != WILD for a, b in pairs)
            if agreeing >= rules.beside and all(a == b or (a == WILD and not constant(b)) for a, b in pairs):
                for rows in found[key].values():
                    for cut in rows:
                        renamed.setdefault(cut, (*head, WILD, *foot))
