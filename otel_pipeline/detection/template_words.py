"""What single words and keys tell: states, names, units, verbs; which key of a record names its event; words in
scripts without blanks.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from otel_pipeline.detection.template_rules import RULES, Rules
from otel_pipeline.detection.template_text import Form

FLAGS = frozenset(
    ("true", "false", "yes", "no", "on", "off", "ok", "fail", "failed", "success", "enabled", "disabled")
)  # fmt: skip


_MISSING = frozenset(("null", "none", "nil", "None", "NULL", "undefined", "-"))


UNITS = frozenset(
    [
        "ns",
        "us",
        "µs",
        "μs",
        "ms",
        "s",
        "sec",
        "secs",
        "second",
        "seconds",
        "m",
        "min",
        "mins",
        "minute",
        "minutes",
        "h",
        "hour",
        "hours",
        "d",
        "day",
        "days",
        "b",
        "bytes",
        "kb",
        "mb",
        "gb",
        "tb",
        "kib",
        "mib",
        "gib",
        "tib",
        "kbps",
        "mbps",
        "%",
        "percent",
        "millis",
        "milliseconds",
    ]
)


_NAME_MARKS = frozenset("._-@$#/\\")


# The name of a type: several words with capitals, written as one.
_TYPE = re.compile(r"[A-Z]+[a-z]+[A-Z][A-Za-z]*")
# The rest of a name of several words; so many that follow a word are too many.
_SURNAME = re.compile(r"[A-ZÀ-ÖØ-ÞА-ЯЁ][a-zà-öø-ÿа-яё]+(?: .*)?")
_FOLLOWERS = 12
# Words that say what happened, by their endings: participles, and verbs of Korean.
_HAPPENED = re.compile(r"[a-z]{2,}ed|.*(?:니다|었다|했다|됨|함)")


def verbs(words: set[str]) -> bool:
    """Whether words mostly say what happened."""
    return 2 * sum(bool(_HAPPENED.fullmatch(word.casefold())) for word in words) >= len(words)


def constant(token: str) -> bool:
    """A word that says something by itself: a flag, or the name of a state in capitals, with its package or without."""
    last = token.rpartition(".")[2]
    return token.casefold() in FLAGS or (last.isupper() and token not in _MISSING)


def named(token: str) -> bool:
    return not _NAME_MARKS.isdisjoint(token.strip(".-_")) or bool(_TYPE.fullmatch(token))


def event_keys(forms: Sequence[Form], rules: Rules = RULES) -> set[str]:
    """The key under which records name their event, where no usual key does: nearly all have it, its words are few,
    and records with
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


def _likeness(sets: Sequence[frozenset[str]]) -> float:
    """How alike sets of keys are: mean share of the sets that hold a key, over all keys of all sets."""
    counts = Counter(key for keys in sets for key in keys)
    return sum(n * n for n in counts.values()) / (len(sets) * sum(counts.values()))


def han_words(forms: Sequence[Form], rules: Rules) -> dict[str, tuple[str, ...]]:
    """Words in runs of Han characters, which no blanks divide, where a run goes on in many ways after a beginning, or
    before
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
    found: dict[str, tuple[str, ...]] = {}
    for run in runs:
        cuts = [
            i for i in range(1, len(run)) if len(after[run[:i]]) >= rules.words or len(before[run[i:]]) >= rules.words
        ]
        if cuts:
            found[run] = tuple(run[a:b] for a, b in zip([0, *cuts], [*cuts, len(run)], strict=True))
    return found


def _begins(before: Sequence[str]) -> bool:
    """Whether a sentence begins after these tokens."""
    last = next((token for token in reversed(before) if token != " "), ":")
    return last in ":]-.|>"


def labelled(forms: Sequence[Form]) -> set[str]:
    """Which names of several words are none: a word that begins a sentence, and a value after it (``Handler Cache``).

    The same word is followed by something that is no part of a name (``Handler HttpCache``, ``Handler <*>``), or by too
    many things.
    """
    found: dict[tuple[tuple[str, ...], str], set[str]] = defaultdict(set)
    names: set[str] = set()
    for form in forms:
        for i, token in enumerate(form.tokens):
            if len(token) > 1 and " " in token:
                names.add(token)
                first, _, rest = token.partition(" ")
            elif token[0].isupper() and form.tokens[i + 1 : i + 2] == (" ",) and i + 2 < len(form.tokens):
                first, rest = token, form.tokens[i + 2]
            else:
                continue
            before = form.tokens[:i]
            if _begins(before):
                found[before, first].add(rest)
    return {
        name
        for (_, first), rests in (found.items() if names else ())
        if len(rests) > 1 and (len(rests) >= _FOLLOWERS or not all(map(_SURNAME.fullmatch, rests)))
        for rest in rests
        if (name := f"{first} {rest}") in names
    }
