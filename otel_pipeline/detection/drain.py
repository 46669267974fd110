"""Merging of near-equal forms into templates, on the distinct few: which places of a line are words, and which are values.

Drain (He et al., ICWS 2017) walks lines one at a time through a tree of fixed depth; IPLoM (Makanju et al., KDD 2009)
partitions them by the tokens of the place that varies least; Brain (Yu et al., TSC 2023) looks for the longest pattern in
common. Here whole batches of *distinct* forms are seen together, so that evidence decides instead of order:

1. forms of one skeleton (delimiters, and number and places of words) are divided by the place with the fewest words until
   all places that still vary do so in enough words to be values, while enough other words agree;
2. words met as values become a lexicon: elsewhere, two of them at a place suffice;
3. templates that differ by a part in brackets or a key with its value, which is there or not, are one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from otel_pipeline.detection.template_text import EVENT, SAYS, WILD, Form, is_word, parse

Tokens = tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """How much evidence makes a place variable. All counts are of different words at the place."""

    # Plain words.
    words: int = 4
    # The first word of a line: mostly what speaks, or what happens.
    first: int = 12
    # Names in the shape of a value (a.b, a_b, a-b).
    names: int = 3
    # Words that are values elsewhere.
    lexicon: int = 2
    # Different values under one key, anywhere, that make all of its words values.
    key: int = 5
    # Share of the words that must agree where plain words vary (Drain's similarity threshold), and their least number.
    similarity: float = 0.5
    agreeing: int = 2
    # A plain word beside a wildcard is taken for one of its values where so many other words agree.
    beside: int = 3
    # Words that two templates have in common before one can be the other with an optional part.
    common: int = 2
    # A key names the event where so many records have it, and so much more alike are the keys of those that say the same there.
    event_share: float = 0.8
    event_gain: float = 0.2
    # Share of the keys that two records without any event have in common when they are of one kind.
    alike: float = 0.6
    # So many kinds of such records are told apart.
    kinds: int = 200
    # Budget of a run: so many new texts, of so many characters, are merged with each other; so many more are tried against the
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
    "first",
    "verbs",
    "han",
    "left over",
    "optional",
    "brackets",
    "pairs of keys",
    "units",
    "details",
)
# Stands for the texts of a service beyond the budget.
OTHER = "<other>"
_HAN = re.compile("[\u3400-\u9fff]")
_UNDIVIDED = re.compile("[\u3041-\u9fff]<\\*>|<\\*>[\u3041-\u9fff]")
_FLAGS = frozenset(
    ("true", "false", "yes", "no", "on", "off", "ok", "fail", "failed", "success", "enabled", "disabled")
)  # fmt: skip
_MISSING = frozenset(("null", "none", "nil", "None", "NULL", "undefined", "-"))
_OPENING = frozenset("=([{\"'")
_CLOSING = {"(": ")", "（": "）", "[": "]", "{": "}"}
_UNITS = frozenset(
    "ns us µs μs ms s sec secs second seconds m min mins minute minutes h hour hours d day days b bytes kb mb gb tb kib mib gib tib kbps mbps"
    " % percent millis milliseconds".split()
)
_NAME_MARKS = frozenset("._-@$#/\\")


@dataclass(frozen=True)
class Mask:
    """A distinct mask of log bodies and its hash."""

    hash: int
    text: str


@dataclass(frozen=True)
class Template:
    """A template: its id (the hash of the mask that founded it), its text, how often the text was generalised, first seen when."""

    id: int
    text: str
    revision: int = 0
    since: float = 0.0

    @property
    def order(self) -> tuple[float, int]:
        """The older of two goes on when they become one."""
        return self.since, self.id


@dataclass
class _Group:
    """Forms that have become one: the masks in it, the known template that it continues, if any; of records how the longest
    reads, and the words under their keys."""

    masks: list[int] = field(default_factory=list)
    known: Template | None = None
    ids: set[int] = field(default_factory=set)
    record: tuple[int, str] = (0, "")
    values: set[tuple[str, str]] = field(default_factory=set)

    def absorb(self, other: "_Group") -> None:
        self.masks += other.masks
        self.record = max(self.record, other.record)
        self.values |= other.values
        self.ids |= other.ids
        if other.known and (self.known is None or other.known.order < self.known.order):
            self.known = other.known


Groups = dict[Tokens, _Group]


@dataclass(frozen=True)
class Merged:
    """What a merging found: the template of each mask, the templates that are new or changed, and which known templates
    are lines of another by now."""

    found: dict[int, int]
    templates: list[Template]
    absorbed: dict[int, int]


def merge(
    known: Iterable[Template], masks: Sequence[Mask], rules: Rules = RULES
) -> tuple[dict[int, int], list[Template]]:
    """Find the template of each new mask; :func:`learn` without memory.

    :returns: template id by mask hash; the templates that are new or whose text changed.
    """
    merged = learn(known, masks, {}, rules)
    return merged.found, merged.templates


def learn(
    known: Iterable[Template], masks: Sequence[Mask], seen: Mapping[int, Sequence[str]], rules: Rules = RULES
) -> Merged:
    """Find the template of each new mask.

    The result depends on the set of known templates and on the set of masks, not on their order; of masks beyond the
    budget those at the end of the sequence are only tried against the templates that the others found.

    :param known: the templates so far. None of them is lost; their texts may become more general.
    :param masks: distinct masks that have no template yet, the most frequent first.
    :param seen: some of the masks of known templates, by their id: the words in them that are values.
    :returns: the template of each mask unless it lies beyond the budget. A known template is absorbed once the text of
        the other, as it was stored before, covers it.
    """
    known = sorted((t for t in known if t.text != OTHER), key=lambda t: t.id)
    within, beyond = _budget(masks, rules)
    parsed = [(parse(t.text, rules.without), t.text, _Group(known=t, ids={t.id})) for t in known]
    before = {t.id: t.text for t in known}
    keys = {key for form, _, _ in parsed if not form.speaks for key, _ in form.values}
    shapes = _undivided(parsed)
    for mask in sorted(within, key=lambda m: (m.text, m.hash)):
        form = parse(mask.text, rules.without)
        parsed.append((_matched(form, shapes), mask.text, _Group([mask.hash])))
    mute = [form for form, _, _ in parsed if not form.speaks]
    if mute and "event key" not in rules.without:
        keys |= event_keys(mute, rules)
    words = _han_words([form for form, _, _ in parsed], rules)
    merging = _Merging(rules)
    merging.remember(known, seen)
    groups: Groups = {}
    for form, text, group in parsed:
        if not form.speaks and keys & form.names:
            form = parse(text, rules.without, frozenset(keys))
        if words:
            form = replace(form, tokens=tuple(word for token in form.tokens for word in words.get(token, (token,))))
        _add(groups, form, group)

    found: dict[int, int] = {}
    templates: list[Template] = []
    all_templates = {t.id: t for t in known}
    absorbed: dict[int, int] = {}
    for cut, group in merging.run(groups).items():
        text = group.record[1] or "".join(cut)
        if group.known and before[group.known.id] == text:
            absorbed.update({number: group.known.id for number in group.ids if number != group.known.id})
        if not group.masks:
            continue
        template = group.known or Template(min(group.masks), text)
        if template.id not in before:
            templates.append(template)
        elif before[template.id] != text:
            template = replace(template, text=text, revision=template.revision + 1)
            templates.append(template)
        all_templates[template.id] = template
        found.update(dict.fromkeys(group.masks, template.id))
    if beyond:
        found.update(_fit(all_templates.values(), beyond, rules))
    return Merged(found, templates, absorbed)


def _budget(masks: Sequence[Mask], rules: Rules) -> tuple[Sequence[Mask], Sequence[Mask]]:
    """The masks that are merged, and those that are only tried: a flood of texts costs a bounded time."""
    characters = 0
    merged, tried = len(masks), len(masks)
    for number, mask in enumerate(masks):
        characters += len(mask.text) + 40
        if merged == len(masks) and (number >= rules.merged or characters > rules.merged_characters):
            merged = number
        if number >= rules.tried or characters > rules.tried_characters:
            tried = number
            break
    return masks[:merged], masks[merged:tried]


def _fit(templates: Iterable[Template], masks: Iterable[Mask], rules: Rules) -> dict[int, int]:
    """The templates that masks are lines of without further ado: equal but for words where these have wildcards."""
    index: dict[Tokens, int] = {}
    places: dict[Tokens, set[tuple[int, ...]]] = defaultdict(set)
    for template in templates:
        cut = parse(template.text, rules.without).tokens
        index[cut] = template.id
        places[_skeleton(cut)].add(tuple(i for i, token in enumerate(cut) if token == WILD))
    found: dict[int, int] = {}
    for mask in masks:
        cut = parse(mask.text, rules.without).tokens
        for wild in sorted(places.get(_skeleton(cut), ()), key=lambda p: (len(p), p)):
            hidden = set(wild)
            key = tuple(WILD if i in hidden else token for i, token in enumerate(cut))
            if key in index:
                found[mask.hash] = index[key]
                break
    return found


def _undivided(parsed: Iterable[tuple[Form, str, _Group]]) -> list[tuple[re.Pattern[str], Form]]:
    """Known templates with a value beside characters of a script without blanks: where the value ends, the template alone tells."""
    found: list[tuple[re.Pattern[str], Form]] = []
    for form, text, _ in parsed:
        if not form.keys and _UNDIVIDED.search(text):
            found.append((re.compile(".+?".join(map(re.escape, text.split(WILD)))), form))
    return found


def _matched(form: Form, shapes: list[tuple[re.Pattern[str], Form]]) -> Form:
    if not shapes or form.keys or not _HAN.search(form.text):
        return form
    return next((known for pattern, known in shapes if pattern.fullmatch(form.text)), form)


def event_keys(forms: Sequence[Form], rules: Rules = RULES) -> set[str]:
    """The key under which records name their event, where no usual key does: nearly all have it, its words are few, and records with
    the same word have the same other keys far more often than any two records.

    :param forms: records that do not name their event under a usual key.
    """
    by_key: dict[str, dict[str, list[frozenset[str]]]] = defaultdict(lambda: defaultdict(list))
    for form in forms:
        for key, word in form.values:
            by_key[key][word].append(form.names)
    overall = _likeness([form.names for form in forms])
    best, gain = "", rules.event_gain
    for key in sorted(by_key):
        words = by_key[key]
        told = sum(map(len, words.values()))
        if told < rules.event_share * len(forms) or not 1 < len(words) <= told / 2:
            continue
        alike = sum(_likeness(names) * len(names) for names in words.values()) / told
        if alike - overall > gain:
            best, gain = key, alike - overall
    return {best} if best else set()


def _han_words(forms: Sequence[Form], rules: Rules) -> dict[str, Tokens]:
    """Words in runs of Han characters, which no blanks divide, where a run goes on in many ways after a beginning, or before
    an end (successor variety: Harris, "From Phoneme to Morpheme", Language 1955).

    :returns: the words of each run that has several.
    """
    runs = {token for form in forms for token in form.tokens if len(token) > 2 and "\u3400" <= token[0] <= "\u9fff"}
    if "han" in rules.without or not runs:
        return {}
    after: dict[str, set[str]] = defaultdict(set)
    before: dict[str, set[str]] = defaultdict(set)
    for run in runs:
        for i in range(1, len(run)):
            after[run[:i]].add(run[i])
            before[run[i:]].add(run[i - 1])
    found: dict[str, Tokens] = {}
    for run in runs:
        cuts = [
            i for i in range(1, len(run)) if len(after[run[:i]]) >= rules.words or len(before[run[i:]]) >= rules.words
        ]
        if cuts:
            found[run] = tuple(run[a:b] for a, b in zip([0, *cuts], [*cuts, len(run)], strict=True))
    return found


def _likeness(sets: Sequence[frozenset[str]]) -> float:
    """How alike sets of keys are: mean share of the sets that hold a key, over all keys of all sets."""
    counts = Counter(key for keys in sets for key in keys)
    return sum(n * n for n in counts.values()) / (len(sets) * sum(counts.values()))


def _add(groups: Groups, form: Form, group: _Group) -> None:
    if form.keys:
        group.record = (form.keys, form.text)
        group.values = set(form.values)
    groups.setdefault(form.tokens, _Group()).absorb(group)


def _skeleton(cut: Tokens) -> Tokens:
    """What never varies: the delimiters, and the number and places of words."""
    return tuple(WILD if is_word(token) else token for token in cut)


# Words that say what happened, by their endings: participles, and verbs of Korean.
_HAPPENED = re.compile(r"[a-z]{2,}ed|.*(?:니다|었다|했다|됨|함)")

def _verbs(words: set[str]) -> bool:
    """Whether words mostly say what happened."""
    return 2 * sum(bool(_HAPPENED.fullmatch(word.casefold())) for word in words) >= len(words)


def _constant(token: str) -> bool:
    """A word that says something by itself: a flag, or the name of a state in capitals."""
    return token.casefold() in _FLAGS or (token.isupper() and token not in _MISSING)


def _named(token: str) -> bool:
    return not _NAME_MARKS.isdisjoint(token.strip(".-_"))


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
        return before == "=" or after in ")]}\"'"
    return place > 0 and _named(token)


class _Merging:
    """One merging of a set of forms: what was learned in it about words and keys."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.values: set[str] = set()
        self.value_keys: set[str] = set()
        self.seen_keys: dict[str, set[str]] = defaultdict(set)

    def remember(self, known: Iterable[Template], seen: Mapping[int, Sequence[str]]) -> None:
        """Learn the words that were values in masks of known templates."""
        for template in known:
            cut = parse(template.text, self.rules.without).tokens
            found: dict[int, set[str]] = {i: set() for i, token in enumerate(cut) if token == WILD}
            for mask in seen.get(template.id, ()):
                form = parse(mask, self.rules.without)
                for key, word in form.values:
                    self.seen_keys[key].add(word)
                if len(form.tokens) == len(cut) and all(
                    a == b or b == WILD for a, b in zip(form.tokens, cut, strict=True)
                ):
                    for place, words in found.items():
                        words.add(form.tokens[place])
            self._learn(found.values())

    def run(self, groups: Groups) -> Groups:
        self._learn_keys(groups)
        for _ in range(self.rules.rounds):
            before = len(groups), len(self.values)
            buckets: dict[Tokens, Groups] = defaultdict(dict)
            for cut, group in groups.items():
                buckets[_skeleton(cut)][cut] = group
            groups = {}
            for bucket in buckets.values():
                for cut, group in self._settle(bucket).items():
                    groups.setdefault(cut, _Group()).absorb(group)
            if "optional" not in self.rules.without:
                groups = self._merge_optional(groups)
            if (len(groups), len(self.values)) == before:
                break
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
            plain = {word for word in words if word != WILD and word.casefold() not in _FLAGS}
            if (
                len(plain) >= self.rules.key or sum(map(_named, plain)) >= self.rules.names
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
        words = {word for word in found if word != WILD and not _constant(word)}
        if not words:
            return False
        if "verbs" not in rules.without and _verbs(words):
            return False
        known = sum(word in self.values for word in words)
        if WILD in found and soft:
            return True
        if known * 2 >= len(words) and len(words) >= rules.lexicon and "lexicon" not in rules.without:
            return True
        if WILD in found and known:
            return True
        if place > 1 and cut[place - 2] == WILD and all(word.casefold() in _UNITS for word in words):
            return True
        if place == 0 or SAYS in cut:
            if sum(map(_named, words)) >= 2 * rules.names and "first" not in rules.without:
                return True
            return len(words) >= rules.first and "first" not in rules.without
        return len(words) >= rules.words or sum(map(_named, words)) >= rules.names

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
                    varying[place] = {word for word in found if value or not _constant(word)}
            for place in _crossed(family, [place for place in varying if any(cut[place] == WILD for cut in family)]):
                del varying[place]
            for cut in family:
                renamed[cut] = tuple(WILD if token in varying.get(i, ()) else token for i, token in enumerate(cut))
        return _regroup(bucket, renamed)

    def _partition(self, bucket: Groups) -> Groups:
        """Divide by the place with the fewest words until what varies are values; the places of these become wildcards."""
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
        if (any(map(_constant, found)) and _key(cut, place) not in self.value_keys) or (
            place + 1 < len(cut) and cut[place + 1] == "="
        ):
            return False
        return self._enough(cut, place, found, soft=_soft(cut, place))

    def _learn(self, found: Iterable[set[str]]) -> None:
        for words in found:
            plain = {word for word in words if word != WILD and not _constant(word)}
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
                if not _constant(cut[place]) and not (place + 1 < size and cut[place + 1] == "="):
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
        """What equals a template but for words where that has wildcards is one of its lines, where enough words agree."""
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
        for cut, key in renamed.items():
            while key in renamed:
                key = renamed[key]
            renamed[cut] = key
        return _regroup(bucket, renamed)

    def _joins(self, cut: Tokens, key: Tokens, places: list[int]) -> bool:
        plain = sum(token != WILD and is_word(token) for token in key)
        least = max(self.rules.beside, self.rules.similarity * (plain + len(places))) * (
            1 if is_word(key[0]) and key[0] != WILD else 2
        )
        words = [cut[place] for place in places]
        return (
            plain >= least
            and not any(map(_constant, words))
            and not any(cut[p] not in self.values and _verbs({cut[p]}) for p in places)
        )

    def _alike_records(self, groups: Groups) -> dict[Tokens, Tokens]:
        """Records that name no event are one kind with those that have most of their keys; the longest stands for them."""
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

    def _merge_optional(self, groups: Groups) -> Groups:
        """Templates of which one has more parts in brackets, or keys with values, and nothing else, are one."""
        groups = _regroup(groups, self._alike_records(groups))
        families: dict[Tokens, list[tuple[frozenset[Tokens], Tokens]]] = defaultdict(list)
        for cut in groups:
            core, parts = _optional_parts(cut, self.rules.without)
            if sum(is_word(token) and token != WILD for token in core) >= self.rules.common:
                families[core].append((frozenset(parts), cut))
        # What is left over and reads like another template once its known values are hidden belongs there.
        if "left over" not in self.rules.without:
            for cut in groups:
                hidden = _collapse(tuple(WILD if i and t in self.values else t for i, t in enumerate(cut)))
                if hidden != cut:
                    core, parts = _optional_parts(hidden, self.rules.without)
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
    """Places of which none of the rows has all variable: "<*> items", "item <*>" are words in different order, no values."""
    if len(places) < 2 or any(all(cut[place] == WILD for place in places) for cut in rows):
        return set()
    return set(places)


def _regroup(bucket: Groups, renamed: dict[Tokens, Tokens]) -> Groups:
    """The bucket with forms renamed, groups of equal forms joined."""
    result: Groups = {}
    for cut, group in bucket.items():
        result.setdefault(renamed.get(cut, cut), _Group()).absorb(group)
    return result


def _collapse(cut: Tokens) -> Tokens:
    """Lists of wildcards as one wildcard."""
    result: list[str] = []
    for token in cut:
        result.append(token)
        if token == WILD and (result[-4:-1] == [WILD, ",", " "] or result[-3:-1] == [WILD, ","]):
            del result[len(result) - (3 if result[-2] == " " else 2) :]
    return tuple(result)


def _optional_parts(cut: Tokens, without: frozenset[str]) -> tuple[Tokens, list[Tokens]]:
    """A template without the parts that may be missing, and these parts: what stands in brackets, key=value and units of values,
    and the last detail after a comma; each with a wildcard in it."""
    core: list[str] = []
    parts: list[Tokens] = []
    place = 0
    while place < len(cut):
        end = _part_end(cut, place, without) if place else 0
        if end:
            parts.append(cut[place:end])
            place = end
        else:
            core.append(cut[place])
            place += 1
    comma = max((i for i, token in enumerate(core) if token == ","), default=0)
    if comma and "details" not in without and core[comma + 1 : comma + 2] == [" "]:
        detail = core[comma + 1 :]
        words = [token for token in detail if is_word(token)]
        if WILD in words and 2 <= len(words) <= 5 and not {"=", ":", "(", ")"} & set(detail):
            parts.append(tuple(detail))
            del core[comma:]
    return tuple(core), parts


def _part_end(cut: Tokens, place: int, without: frozenset[str]) -> int:
    """Where an optional part that starts at a place ends; 0 where none starts."""
    start = place
    if cut[start] == "," and cut[start + 1 : start + 2] == (" ",):
        start += 1
    if cut[start] == " ":
        start += 1
        if start < len(cut) and cut[place - 1] == WILD and place + 1 == start and cut[start].casefold() in _UNITS:
            return 0 if "units" in without else start + 1
    elif not (cut[start] in "(（" and cut[start - 1] > "\u3040"):
        return 0
    if start >= len(cut):
        return 0
    if closing := _CLOSING.get(cut[start]):
        if "brackets" in without:
            return 0
        for end in range(start + 1, min(len(cut), start + 24)):
            if cut[end] == closing:
                inner = [token for token in cut[start:end] if is_word(token)]
                return end + 1 if WILD in inner or len(inner) == 1 else 0
        return 0
    if "pairs of keys" not in without and start + 2 < len(cut) and cut[start + 1] == "=" and is_word(cut[start]):
        end = start + 2
        while end < len(cut) and cut[end] in "\"'":
            end += 1
        if end < len(cut) and cut[end] == WILD:
            end += 1
            while end < len(cut) and cut[end] in "\"'":
                end += 1
            if end == len(cut) or cut[end] in (" ", ","):
                return end
    return 0
