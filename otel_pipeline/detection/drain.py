"""Merging of near-equal forms into templates, in the spirit of Drain (He et al., ICWS 2017), on the distinct few.

Drain walks lines one at a time through a tree of fixed depth: same number of tokens, same first tokens, enough equal
tokens. Here whole batches of *distinct* forms are seen together, so that evidence decides instead of order: a place in
a template varies when shape or context says so and something else was already seen to vary there, or when enough
different words were seen in it. Delimiters and the first word never vary.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from otel_pipeline.detection.template_text import WILD, form, is_word, tokens

Tokens = tuple[str, ...]

# So many different plain words at one place make it a variable.
DISTINCT_WORDS = 5
# Of names in the shape of a value (a.b, a_b, a-b), so many.
DISTINCT_NAMES = 3
# A plain word beside a variable is taken for one of its values where so many other words agree.
AGREEING_WORDS = 3
# Share of the words that must agree for a place of plain words to become variable (Drain's similarity threshold).
SIMILARITY = 0.5
_FLAGS = frozenset(
    ("true", "false", "yes", "no", "on", "off", "ok", "fail", "failed", "success", "enabled", "disabled")
)
_MISSING = frozenset(("null", "none", "nil", "None", "NULL", "undefined", "-"))
_OPENING = frozenset("=([{\"'")
_NAME_MARKS = frozenset("._-@$#/\\")


@dataclass(frozen=True)
class Mask:
    """A distinct mask of log bodies and its hash."""

    hash: int
    text: str


@dataclass(frozen=True)
class Template:
    """A template: its id (the hash of the mask that founded it), its text, and how often the text was generalised."""

    id: int
    text: str
    revision: int = 0


@dataclass
class _Group:
    """Forms that have become one: the masks in it, and the known template that it continues, if any."""

    masks: list[int] = field(default_factory=list)
    known: Template | None = None

    def absorb(self, other: "_Group") -> None:
        self.masks += other.masks
        if other.known and (self.known is None or other.known.id < self.known.id):
            self.known = other.known


def merge(known: Iterable[Template], masks: Sequence[Mask]) -> tuple[dict[int, int], list[Template]]:
    """Find the template of each new mask.

    The result depends on the set of known templates and on the set of masks, not on their order.

    :param known: the templates so far. None of them is lost; their texts may become more general.
    :param masks: distinct masks that have no template yet.
    :returns: template id by mask hash; the templates that are new or whose text changed.
    """
    groups: dict[Tokens, _Group] = {}
    for template in sorted(known, key=lambda t: t.id):
        groups.setdefault(tokens(template.text), _Group()).absorb(_Group(known=template))
    unchanged = {group.known.id: group.known.text for group in groups.values() if group.known}
    touched: set[Tokens] = set()
    for mask in sorted(masks, key=lambda m: (m.text, m.hash)):
        cut = tokens(form(mask.text))
        groups.setdefault(cut, _Group()).masks.append(mask.hash)
        touched.add(_skeleton(cut))
    buckets: dict[Tokens, dict[Tokens, _Group]] = defaultdict(dict)
    for cut, group in groups.items():
        if (key := _skeleton(cut)) in touched:
            buckets[key][cut] = group

    found: dict[int, int] = {}
    templates: list[Template] = []
    for bucket in buckets.values():
        for cut, group in _settle(bucket).items():
            if not group.masks:
                continue
            text = "".join(cut)
            template = group.known or Template(min(group.masks), text)
            if template.id not in unchanged:
                templates.append(template)
            elif unchanged[template.id] != text:
                template = replace(template, text=text, revision=template.revision + 1)
                templates.append(template)
            found.update(dict.fromkeys(group.masks, template.id))
    return found, templates


def _skeleton(cut: Tokens) -> Tokens:
    """What never varies: the delimiters, and the number and places of words."""
    return tuple(WILD if is_word(token) else token for token in cut)


def _settle(bucket: dict[Tokens, _Group]) -> dict[Tokens, _Group]:
    """Merge the forms of one skeleton until nothing changes."""
    while len(bucket) > 1:
        merged = _merge_soft(bucket)
        merged = _merge_words(merged)
        if len(merged) == len(bucket):
            break
        bucket = merged
    return bucket


def _regroup(bucket: dict[Tokens, _Group], renamed: dict[Tokens, Tokens]) -> dict[Tokens, _Group]:
    """The bucket with forms renamed, groups of equal forms joined."""
    result: dict[Tokens, _Group] = {}
    for cut, group in bucket.items():
        result.setdefault(renamed.get(cut, cut), _Group()).absorb(group)
    return result


def _soft(cut: Tokens, place: int) -> bool:
    """Whether shape or context makes a value likely: ``key=word``, ``(word)``, a name with marks in it, a wildcard."""
    token = cut[place]
    if token == WILD:
        return True
    before = cut[place - 1] if place else " "
    after = cut[place + 1] if place + 1 < len(cut) else " "
    if after in "=(" and after:
        return False
    if before in _OPENING and place > 1:
        return before == "=" or after in ")]}\"'"
    return place > 0 and not _NAME_MARKS.isdisjoint(token.strip(".-_"))


def _constant(token: str) -> bool:
    """A word that says something by itself: a flag, or the name of a state in capitals."""
    return token.lower() in _FLAGS or (token.isupper() and token not in _MISSING)


def _merge_soft(bucket: dict[Tokens, _Group]) -> dict[Tokens, _Group]:
    """Among forms whose plain words agree, make likely values variable."""
    families: dict[Tokens, list[Tokens]] = defaultdict(list)
    for cut in bucket:
        places = {i for i, token in enumerate(cut) if is_word(token) and _soft(cut, i)}
        families[tuple(WILD if i in places else token for i, token in enumerate(cut))].append(cut)
    renamed: dict[Tokens, Tokens] = {}
    for key, family in families.items():
        if len(family) < 2:
            continue
        varying = {}
        for place in (i for i, token in enumerate(key) if token == WILD):
            values = {cut[place] for cut in family} - {WILD}
            words = {value for value in values if not _constant(value)}
            names = {value for value in words if not _NAME_MARKS.isdisjoint(value)}
            seen = any(cut[place] == WILD for cut in family)
            if seen or len(words) >= DISTINCT_WORDS or len(names) >= DISTINCT_NAMES:
                varying[place] = words
        for cut in family:
            renamed[cut] = tuple(WILD if token in varying.get(i, ()) else token for i, token in enumerate(cut))
    return _regroup(bucket, renamed)


def _merge_words(bucket: dict[Tokens, _Group]) -> dict[Tokens, _Group]:
    """Among forms that differ at a single place, make plain words variable when enough different ones were seen."""
    size = len(next(iter(bucket)))
    words = [i for i, token in enumerate(next(iter(bucket))) if is_word(token)]
    for place in words[1:]:
        families: dict[Tokens, list[Tokens]] = defaultdict(list)
        for cut in bucket:
            if not _constant(cut[place]) and not (place + 1 < size and cut[place + 1] == "="):
                families[cut[:place] + cut[place + 1 :]].append(cut)
        renamed: dict[Tokens, Tokens] = {}
        for rest, family in families.items():
            plain = sum(token != WILD and is_word(token) for token in rest)
            seen = any(cut[place] == WILD for cut in family)
            enough = len(family) >= DISTINCT_WORDS and plain >= max(2, SIMILARITY * len(words))
            beside = seen and len(family) > 1 and plain >= AGREEING_WORDS
            if enough or beside:
                renamed.update(dict.fromkeys(family, (*rest[:place], WILD, *rest[place:])))
        bucket = _regroup(bucket, renamed)
    return bucket
