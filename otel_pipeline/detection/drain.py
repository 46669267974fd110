"""Merging of near-equal forms into templates, on the distinct few: which places of a line are words, and which are
values.

Drain (He et al., ICWS 2017) walks lines one at a time through a tree of fixed depth; IPLoM (Makanju et al., KDD 2009)
partitions them by the tokens of the place that varies least; Brain (Yu et al., TSC 2023) looks for the longest
pattern in
common. Here whole batches of *distinct* forms are seen together, so that evidence decides instead of order:

1. forms of one skeleton (delimiters, and number and places of words) are divided by the place with the fewest words
until
   all places that still vary do so in enough words to be values, while enough other words agree;
2. words met as values become a lexicon: elsewhere, two of them at a place suffice;
3. text that is free (causes of errors, queries), lists of any length and units are values like words;
4. templates that differ by a part in brackets or a key with its value, which is there or not, are one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from otel_pipeline.detection.template_merging import Group, Groups, Mask, Merging, Template
from otel_pipeline.detection.template_parts import Tokens, skeleton
from otel_pipeline.detection.template_rules import MERGING, RULES, Rules
from otel_pipeline.detection.template_text import WILD, Form, parse
from otel_pipeline.detection.template_words import event_keys, han_words, labelled

__all__ = ["MERGING", "OTHER", "RULES", "Mask", "Merged", "Rules", "Template", "learn", "merge"]

# Stands for the texts of a service beyond the budget.
OTHER = "<other>"


_HAN = re.compile("[\u3400-\u9fff]")


_UNDIVIDED = re.compile("[\u3041-\u9fff]<\\*>|<\\*>[\u3041-\u9fff]")


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
    :returns: the template of each mask unless it lies beyond the budget. A rare known template is absorbed once the
        text of the other, as it was stored before, covers it; the lines of a frequent one keep theirs.
    """
    known = sorted((t for t in known if t.text != OTHER), key=lambda t: t.id)
    within, beyond = _budget(masks, rules)
    parsed = [(parse(t.text, rules.without), t.text, Group(known=t, ids={t.id})) for t in known]
    before = {t.id: t.text for t in known}
    keys = {key for form, _, _ in parsed if not form.speaks for key, _ in form.values}
    shapes = _undivided(parsed)
    for mask in sorted(within, key=lambda m: (m.text, m.hash)):
        form = parse(mask.text, rules.without)
        parsed.append((_matched(form, shapes), mask.text, Group([mask.hash])))
    mute = [form for form, _, _ in parsed if not form.speaks]
    if mute and "event key" not in rules.without:
        keys |= event_keys(mute, rules)
    words = han_words([form for form, _, _ in parsed], rules)
    if "labels" not in rules.without:
        words |= {name: spaced(name) for name in labelled([form for form, _, _ in parsed])}
    merging = Merging(rules)
    merging.remember(known, seen)
    groups: Groups = {}
    for read, text, group in parsed:
        form = read if read.speaks or not keys & read.names else parse(text, rules.without, frozenset(keys))
        cut = tuple(word for token in form.tokens for word in words.get(token, (token,))) if words else form.tokens
        _add(groups, replace(form, tokens=cut), group)

    found: dict[int, int] = {}
    templates: list[Template] = []
    all_templates = {t.id: t for t in known}
    absorbed: dict[int, int] = {}
    for cut, group in merging.run(groups).items():
        text = group.record[1] or "".join(cut)
        if group.known and before[group.known.id] == text:
            others = (all_templates[number] for number in group.ids if number != group.known.id)
            absorbed.update({other.id: group.known.id for other in others if group.known.covers(other)})
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


def spaced(name: str) -> Tokens:
    """The words of a name, and the blanks between them."""
    first, *others = name.split(" ")
    return (first, *(token for word in others for token in (" ", word)))


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
        places[skeleton(cut)].add(tuple(i for i, token in enumerate(cut) if token == WILD))
    found: dict[int, int] = {}
    for mask in masks:
        cut = parse(mask.text, rules.without).tokens
        for wild in sorted(places.get(skeleton(cut), ()), key=lambda p: (len(p), p)):
            hidden = set(wild)
            key = tuple(WILD if i in hidden else token for i, token in enumerate(cut))
            if key in index:
                found[mask.hash] = index[key]
                break
    return found


def _undivided(parsed: Iterable[tuple[Form, str, Group]]) -> list[tuple[re.Pattern[str], Form]]:
    """Known templates with a value beside characters of a script without blanks: where the value ends, the template
    alone tells.
    """
    found: list[tuple[re.Pattern[str], Form]] = []
    for form, text, _ in parsed:
        if not form.keys and _UNDIVIDED.search(text):
            found.append((re.compile(".+?".join(map(re.escape, text.split(WILD)))), form))
    return found


def _matched(form: Form, shapes: list[tuple[re.Pattern[str], Form]]) -> Form:
    if not shapes or form.keys or not _HAN.search(form.text):
        return form
    return next((known for pattern, known in shapes if pattern.fullmatch(form.text)), form)


def _add(groups: Groups, form: Form, group: Group) -> None:
    if form.keys:
        group.record = (form.keys, form.text)
        group.values = set(form.values)
    groups.setdefault(form.tokens, Group()).absorb(group)
