"""Which places of distinct forms are words, and which are values: the division, the lexicon, the parts that may be
missing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from otel_pipeline.detection.template_parts import Around, Tokens, collapse, optional_parts, skeleton
from otel_pipeline.detection.template_rules import Rules
from otel_pipeline.detection.template_spans import free, free_places
from otel_pipeline.detection.template_text import EVENT, SAYS, WILD, is_word, parse
from otel_pipeline.detection.template_values import alternating, compounds, lengths, lists, units
from otel_pipeline.detection.template_words import FLAGS, constant, named, verbs

# So few lines, or one in so many, are not missed where they are normal.
FEW, RARE = 10, 100

_OPENING = frozenset("=([{\"'`")
_QUOTES = frozenset("\"'`")


@dataclass(frozen=True)
class Mask:
    """A distinct mask of log bodies and its hash."""

    hash: int
    text: str


@dataclass(frozen=True)
class Template:
    """A template: its id (the hash of the mask that founded it), its text, how often the text was generalised, first
    seen when, how many lines and which services have it.
    """

    id: int
    text: str
    revision: int = 0
    since: float = 0.0
    lines: int = 0
    services: frozenset[str] = frozenset()

    @property
    def order(self) -> tuple[int, float, int]:
        """The one with more lines, or the older of two, goes on when they become one."""
        return -self.lines, self.since, self.id

    def covers(self, other: "Template") -> bool:
        """Whether the lines of another may change to this one and nobody calls them new: what is normal is learned by
        template, and what many lines have, or services in which this one never was, would be like nothing before.
        """
        return other.lines <= max(FEW, self.lines // RARE) and other.services <= self.services


@dataclass
class Group:
    """Forms that have become one: the masks in it, the known template that it continues, if any; of records how the
    longest
    reads, and the words under their keys."""

    masks: list[int] = field(default_factory=list)
    known: Template | None = None
    ids: set[int] = field(default_factory=set)
    record: tuple[int, str] = (0, "")
    values: set[tuple[str, str]] = field(default_factory=set)

    def absorb(self, other: "Group") -> None:
        self.masks += other.masks
        self.record = max(self.record, other.record)
        self.values |= other.values
        self.ids |= other.ids
        if other.known and (self.known is None or other.known.order < self.known.order):
            self.known = other.known


Groups = dict[Tokens, Group]


def _key(cut: Tokens, place: int) -> str:
    """The key whose value stands at a place: ``key=word``, ``key="word"``."""
    while place > 1 and cut[place - 1] in "\"'":
        place -= 1
    return cut[place - 2] if place > 1 and cut[place - 1] == "=" else ""


def _soft(cut: Tokens, place: int) -> bool:
    """Whether shape or context makes a value likely: ``key=word``, ``(word)``, a name with marks in it, a wildcard."""
    token = cut[place]
    if token == WILD:
        return True
    before = cut[place - 1] if place else " "
    after = cut[place + 1] if place + 1 < len(cut) else " "
    if after in "=(" and after:
        return False
    if before in _OPENING and (place > 1 or before in "(["):
        return before == "=" or after in ")]}\"'`"
    return place > 0 and named(token)


def _quoted(cut: Tokens, place: int) -> bool:
    """Whether a place stands in quotes, by itself."""
    return 0 < place < len(cut) - 1 and cut[place - 1] in _QUOTES and cut[place + 1] == cut[place - 1]


class Merging:
    """One merging of a set of forms: what was learned in it about words and keys."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.values: set[str] = set()
        self.value_keys: set[str] = set()
        self.seen_keys: dict[str, set[str]] = defaultdict(set)
        self.free: set[Around] = set()

    def remember(self, known: Iterable[Template], seen: Mapping[int, Sequence[str]]) -> None:
        """Learn the words that were values in masks of known templates."""
        for template in known:
            cut = parse(template.text, self.rules.without).tokens
            found: dict[int, set[str]] = {i: set() for i, token in enumerate(cut) if token == WILD}
            for mask in seen.get(template.id, ()):
                form = parse(mask, self.rules.without)
                for key, word in form.values:
                    self.seen_keys[key].add(word)
                if len(form.tokens) == len(cut) and all(b in (a, WILD) for a, b in zip(form.tokens, cut, strict=True)):
                    for place, words in found.items():
                        words.add(form.tokens[place])
                elif not form.keys:
                    self.free |= free_places(cut, form.tokens)
            self._learn(found.values())

    def run(self, groups: Groups) -> Groups:
        self._learn_keys(groups)
        for _ in range(self.rules.rounds):
            before = len(groups), len(self.values)
            if "units" not in self.rules.without:
                groups = _regroup(groups, units(groups))
            if "lengths" not in self.rules.without:
                groups = _regroup(groups, lengths(groups))
            if "alternating" not in self.rules.without:
                self.values |= alternating(groups, self.rules)
            buckets: dict[Tokens, Groups] = defaultdict(dict)
            for cut, group in groups.items():
                buckets[skeleton(cut)][cut] = group
            groups = {}
            for bucket in buckets.values():
                for cut, group in self._settle(bucket).items():
                    groups.setdefault(cut, Group()).absorb(group)
            groups = self._merge_spans(groups)
            if "optional" not in self.rules.without:
                groups = self._merge_optional(groups)
            if (len(groups), len(self.values)) == before:
                break
        return groups

    def _merge_spans(self, groups: Groups) -> Groups:
        """Make values of several words one wildcard."""
        if "free text" not in self.rules.without:
            groups = _regroup(groups, free(groups, self.free, self.rules))
        if "lists" not in self.rules.without:
            groups = _regroup(groups, lists(groups))
        if "compounds" not in self.rules.without:
            groups = _regroup(groups, compounds(groups))
        return groups

    def _learn_keys(self, groups: Groups) -> None:
        seen = self.seen_keys
        for cut, group in groups.items():
            for key, word in group.values:
                if WILD not in word:
                    seen[key].add(word)
            for place, token in enumerate(cut):
                if is_word(token) and (key := _key(cut, place)):
                    seen[key].add(token)
        for key, words in seen.items():
            # In capitals (currencies, countries) no less than other words: under a key stands a value.
            plain = {word for word in words if word != WILD and word.casefold() not in FLAGS}
            if (
                len(plain) >= self.rules.key or sum(map(named, plain)) >= self.rules.names
            ) and "keys" not in self.rules.without:
                self.value_keys.add(key)
                self.values |= plain

    def _settle(self, bucket: Groups) -> Groups:
        """Merge the forms of one skeleton until nothing changes."""
        while len(bucket) > 1:
            merged = self._merge_soft(bucket)
            merged = self._partition(merged)
            merged = self._merge_words(merged)
            if "beside" not in self.rules.without:
                merged = self._join(merged)
            if len(merged) == len(bucket):
                break
            bucket = merged
        return bucket

    def _enough(self, cut: Tokens, place: int, found: set[str], *, soft: bool) -> bool:
        """Whether the words found at a place are values."""
        rules = self.rules
        if soft and _key(cut, place) in self.value_keys:
            return True
        words = {word for word in found if word != WILD and not constant(word)}
        if not words:
            return False
        if "verbs" not in rules.without and verbs(words):
            return False
        if WILD in found and soft:
            return True
        # Under a key, what counts is how much is met there, not what its words are elsewhere.
        known = (WILD in found or not _key(cut, place)) and self._known(words, WILD in found)
        return known or self._many(cut, place, words)

    def _known(self, words: set[str], beside: bool) -> bool:
        """Whether words are values elsewhere: half of them, or one beside a wildcard."""
        known = sum(word in self.values for word in words)
        if beside and known:
            return True
        return known * 2 >= len(words) >= self.rules.lexicon and "lexicon" not in self.rules.without

    def _many(self, cut: Tokens, place: int, words: set[str]) -> bool:
        """Whether words are enough to be values: more where a line begins, and in messages of records."""
        rules, names = self.rules, sum(map(named, words))
        if "quotes" not in rules.without and _quoted(cut, place):
            names = len(words)
        if place == 0 or SAYS in cut:
            return "first" not in rules.without and (len(words) >= rules.first or names >= 2 * rules.names)
        return len(words) >= rules.words or names >= rules.names

    def _merge_soft(self, bucket: Groups) -> Groups:
        """Among forms whose plain words agree, make likely values variable."""
        families: dict[Tokens, list[Tokens]] = defaultdict(list)
        lexicon = self.values if "lexicon" not in self.rules.without else set()
        for cut in bucket:
            key = tuple(
                WILD if is_word(token) and (_soft(cut, i) or (i and token in lexicon)) else token
                for i, token in enumerate(cut)
            )
            families[key].append(cut)
        renamed: dict[Tokens, Tokens] = {}
        for key, family in families.items():
            if len(family) < 2:
                continue
            varying = {}
            for place in (i for i, token in enumerate(key) if token == WILD):
                found = {cut[place] for cut in family}
                if len(found) > 1 and self._enough(family[0], place, found, soft=True):
                    value = _key(family[0], place) in self.value_keys
                    varying[place] = {word for word in found if value or not constant(word)}
            for place in _crossed(family, [place for place in varying if any(cut[place] == WILD for cut in family)]):
                del varying[place]
            for cut in family:
                renamed[cut] = tuple(WILD if token in varying.get(i, ()) else token for i, token in enumerate(cut))
        return _regroup(bucket, renamed)

    def _partition(self, bucket: Groups) -> Groups:
        """Divide by the place with the fewest words until what varies are values; the places of these become
        wildcards.
        """
        renamed: dict[Tokens, Tokens] = {}
        first = next(iter(bucket))
        places = [i for i, token in enumerate(first) if is_word(token)]
        stack = [list(bucket)]
        while stack:
            rows = stack.pop()
            if len(rows) < 2:
                continue
            found = {place: {cut[place] for cut in rows} for place in places}
            varying = {place: words for place, words in found.items() if len(words) > 1}
            values = {place for place, words in varying.items() if self._is_value(rows[0], place, words)}
            values -= _crossed(rows, [place for place in values if WILD in varying[place]])
            constant = sum(place not in varying and found[place] != {WILD} for place in places)
            plain = sum(found[place] != {WILD} for place in places)
            if len(values) == len(varying) and constant >= max(self.rules.agreeing, self.rules.similarity * plain):
                self._learn(varying.values())
                for cut in rows:
                    renamed[cut] = tuple(WILD if i in varying else token for i, token in enumerate(cut))
                continue
            candidates = [place for place in varying if place not in values] or list(varying)
            place = min(candidates, key=lambda p: (len(varying[p]), p))
            parts: dict[str, list[Tokens]] = defaultdict(list)
            for cut in rows:
                parts[cut[place]].append(cut)
            stack += parts.values()
        return _regroup(bucket, renamed)

    def _is_value(self, cut: Tokens, place: int, found: set[str]) -> bool:
        if (any(map(constant, found)) and _key(cut, place) not in self.value_keys) or (
            place + 1 < len(cut) and cut[place + 1] == "="
        ):
            return False
        return self._enough(cut, place, found, soft=_soft(cut, place))

    def _learn(self, found: Iterable[set[str]]) -> None:
        for words in found:
            plain = {word for word in words if word != WILD and not constant(word)}
            if len(plain) >= self.rules.words:
                self.values |= plain

    def _merge_words(self, bucket: Groups) -> Groups:
        """Among forms that differ at a single place, make plain words variable when enough different ones were seen."""
        first = next(iter(bucket))
        size = len(first)
        words = [i for i, token in enumerate(first) if is_word(token)]
        for place in words:
            families: dict[Tokens, list[Tokens]] = defaultdict(list)
            for cut in bucket:
                if not constant(cut[place]) and not (place + 1 < size and cut[place + 1] == "="):
                    families[cut[:place] + cut[place + 1 :]].append(cut)
            renamed: dict[Tokens, Tokens] = {}
            for rest, family in families.items():
                if len(family) < 2:
                    continue
                plain = sum(token != WILD and is_word(token) for token in rest)
                found = {cut[place] for cut in family}
                enough = self._enough(family[0], place, found, soft=False) and plain >= max(
                    self.rules.agreeing, self.rules.similarity * (plain + 1)
                )
                if enough:
                    self._learn([found])
                    renamed.update(dict.fromkeys(family, (*rest[:place], WILD, *rest[place:])))
            bucket = _regroup(bucket, renamed)
        return bucket

    def _join(self, bucket: Groups) -> Groups:
        """What equals a template but for words where that has wildcards is one of its lines, where enough words
        agree.
        """
        size = len(next(iter(bucket)))
        wild = {cut: tuple(i for i in range(size) if cut[i] == WILD) for cut in bucket}
        renamed: dict[Tokens, Tokens] = {}
        for places in sorted(set(wild.values()), key=lambda p: (len(p), p)):
            hidden = set(places)
            for cut, own in wild.items():
                if not places or len(own) >= len(places) or not hidden.issuperset(own):
                    continue
                key = tuple(WILD if i in hidden else token for i, token in enumerate(cut))
                if key in bucket and self._joins(cut, key, [i for i in places if i not in own]):
                    renamed[cut] = key
        for cut, joined in renamed.items():
            last = joined
            while last in renamed:
                last = renamed[last]
            renamed[cut] = last
        return _regroup(bucket, renamed)

    def _joins(self, cut: Tokens, key: Tokens, places: list[int]) -> bool:
        plain = sum(token != WILD and is_word(token) for token in key)
        least = self.rules.beside * (1 if is_word(key[0]) and key[0] != WILD else 2)
        least = max(least, self.rules.similarity * (plain + len(places)))
        words = [cut[place] for place in places]
        return (
            plain >= least
            and not any(map(constant, words))
            and not any(cut[p] not in self.values and verbs({cut[p]}) for p in places)
        )

    def _alike_records(self, groups: Groups) -> dict[Tokens, Tokens]:
        """Records that name no event are one kind with those that have most of their keys; the longest stands for
        them.
        """
        mute = sorted(
            (cut for cut in groups if cut[:1] == ("{",) and SAYS not in cut and cut[1:] and cut[1][0] == EVENT),
            key=lambda c: (-len(c), c),
        )
        heads: list[tuple[Tokens, set[str]]] = []
        renamed: dict[Tokens, Tokens] = {}
        for cut in mute:
            names = set(cut[1::2])
            head = max(heads, key=lambda h: len(names & h[1]) / len(names | h[1]), default=None)
            if head and len(names & head[1]) >= self.rules.alike * len(names | head[1]):
                renamed[cut] = head[0]
            elif len(heads) < self.rules.kinds:
                heads.append((cut, names))
        return renamed

    def _hidden(self, cut: Tokens) -> Tokens:
        """A form whose known values are hidden, but for those under a key."""
        return tuple(WILD if i and t in self.values and not _key(cut, i) else t for i, t in enumerate(cut))

    def _in_common(self, core: Tokens, parts: Sequence[Tokens]) -> bool:
        """Whether so much is left without the optional parts, or so many of these, that one form can be another."""
        words = sum(is_word(token) and token != WILD for token in core)
        return words >= self.rules.common or (words > 0 and len(parts) >= self.rules.common)

    def _merge_optional(self, groups: Groups) -> Groups:
        """Templates of which one has more parts in brackets, or keys with values, and nothing else, are one."""
        groups = _regroup(groups, self._alike_records(groups))
        families: dict[Tokens, list[tuple[frozenset[Tokens], Tokens]]] = defaultdict(list)
        for cut in groups:
            core, parts = optional_parts(cut, self.rules.without)
            if self._in_common(core, parts):
                families[core].append((frozenset(parts), cut))
        # What is left over and reads like another template once its known values are hidden belongs there.
        if "left over" not in self.rules.without:
            for cut in groups:
                hidden = collapse(self._hidden(cut))
                if hidden != cut:
                    core, parts = optional_parts(hidden, self.rules.without)
                    if core in families and any(
                        frozenset(parts) <= other or other <= frozenset(parts) for other, _ in families[core]
                    ):
                        families[core].append((frozenset(parts), cut))
        renamed: dict[Tokens, Tokens] = {}
        for family in families.values():
            # Two are one when the parts of one are among those of the other, or when a third joins them in this way.
            family.sort(key=lambda f: (-len(f[0]), f[1]))
            heads: list[list[tuple[frozenset[Tokens], Tokens]]] = []
            for parts, cut in family:
                over = [h for h in heads if any(parts <= other for other, _ in h)]
                joined = [member for h in over for member in h] + [(parts, cut)]
                heads = [h for h in heads if h not in over] + [joined]
            for head in heads:
                best = min(head, key=lambda f: (-len(f[0]), -f[1].count(WILD), f[1]))[1]
                renamed.update({cut: best for _, cut in head})
        return _regroup(groups, renamed)


def _crossed(rows: list[Tokens], places: list[int]) -> set[int]:
    """Places of which none of the rows has all variable: "<*> items", "item <*>" are words in different order, no
    values.
    """
    if len(places) < 2 or any(all(cut[place] == WILD for place in places) for cut in rows):
        return set()
    return set(places)


def _regroup(bucket: Groups, renamed: dict[Tokens, Tokens]) -> Groups:
    """The bucket with forms renamed, groups of equal forms joined."""
    result: Groups = {}
    for cut, group in bucket.items():
        result.setdefault(renamed.get(cut, cut), Group()).absorb(group)
    return result
