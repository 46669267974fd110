"""The parts of a template that a line may lack, and lists of wildcards."""

from otel_pipeline.detection.template_text import WILD, is_word

Tokens = tuple[str, ...]
# What stands before and after a place.
Around = tuple[Tokens, Tokens]
# So many tokens of a bracket are looked at.
_LONGEST = 24
# Words of a remark in brackets that ends a line.
_REMARK = 3
# Tokens from the first to the last word of a name before a colon.
_NAME = 4
CLOSING = {"(": ")", "（": "）", "[": "]", "{": "}"}


def around(cut: Tokens, start: int, end: int) -> Around:
    """What stands before and after some tokens."""
    return cut[:start], cut[end:]


def skeleton(cut: Tokens) -> Tokens:
    """What never varies: the delimiters, and the number and places of words."""
    return tuple(WILD if is_word(token) else token for token in cut)


def collapse(cut: Tokens) -> Tokens:
    """Lists of wildcards as one wildcard."""
    result: list[str] = []
    for token in cut:
        result.append(token)
        if token == WILD and (result[-4:-1] == [WILD, ",", " "] or result[-3:-1] == [WILD, ","]):
            del result[len(result) - (3 if result[-2] == " " else 2) :]
    return tuple(result)


def optional_parts(cut: Tokens, without: frozenset[str]) -> tuple[Tokens, list[Tokens]]:
    """A template without the parts that may be missing, and these parts: what stands in brackets, key=value,
    and the last detail after a comma; each with a wildcard in it."""
    core: list[str] = []
    parts: list[Tokens] = []
    place = 0
    while place < len(cut):
        end = _part_end(cut, place, without) if place else 0
        if end:
            parts.append(_filled(cut[place:end]))
            place = end
        else:
            core.append(cut[place])
            place += 1
    # A phrase of some words; "incident <*>" is a thing of its own.
    comma = max((i for i, token in enumerate(core) if token == ","), default=0)
    if comma and "details" not in without and core[comma + 1 : comma + 2] == [" "]:
        detail = core[comma + 1 :]
        words = [token for token in detail if is_word(token)]
        if WILD in words and 3 <= len(words) <= 5 and not {"=", ":", "(", ")"} & set(detail):
            parts.append(tuple(detail))
            del core[comma:]
    return _filled(tuple(core)), parts


def _filled(part: Tokens) -> Tokens:
    """Tokens without a value (``()``, ``user=``, ``""``) as they are with one: values may be empty."""
    filled: list[str] = []
    quote = ""
    for i, token in enumerate(part):
        filled.append(token)
        following = part[i + 1] if i + 1 < len(part) else " "
        if token in ("'", '"'):
            quote = "" if quote == token else quote or token
            if quote == following:
                filled.append(WILD)
        elif (token == "=" and following in (" ", ",")) or following == CLOSING.get(token):
            filled.append(WILD)
    return (*filled, WILD) if part and part[-1] == ":" else tuple(filled)


def _part_end(cut: Tokens, place: int, without: frozenset[str]) -> int:
    """Where an optional part that starts at a place ends; 0 where none starts."""
    start = place
    if cut[start] == "," and cut[start + 1 : start + 2] == (" ",):
        start += 1
    if cut[start] == " ":
        start += 1
    elif not (cut[start] in "(（" and _undivided(cut, start)):
        return 0
    if start >= len(cut):
        return 0
    if cut[start] in CLOSING:
        return 0 if "brackets" in without else _bracket_end(cut, start)
    if "pairs of keys" in without:
        return 0
    return _pair_end(cut, start) or (_named_end(cut, start) if cut[place] == "," else 0)


def _undivided(cut: Tokens, start: int) -> bool:
    """Whether a bracket stands in a script without blanks."""
    before, after = cut[start - 1], cut[start + 1] if start + 1 < len(cut) else ""
    return before > "\u3040" or (before == WILD and after > "\u3040")


def _bracket_end(cut: Tokens, start: int) -> int:
    """Where a bracket with a wildcard or a single word in it ends."""
    for end in range(start + 1, min(len(cut), start + _LONGEST)):
        if cut[end] == CLOSING[cut[start]]:
            inner = [token for token in cut[start:end] if is_word(token)]
            most = _REMARK if end + 1 == len(cut) else 1
            return end + 1 if WILD in inner or 0 < len(inner) <= most or end == start + 1 else 0
    return 0


def _pair_end(cut: Tokens, start: int) -> int:
    """Where a key=value with a wildcard for its value, or with none, ends."""
    if start + 1 >= len(cut) or cut[start + 1] != "=" or not is_word(cut[start]):
        return 0
    end = start + 2
    quote = cut[end] if end < len(cut) and cut[end] in "\"'" else ""
    end += bool(quote)
    if end < len(cut) and cut[end] == WILD:
        end += 1
    if quote:
        if cut[end : end + 1] != (quote,):
            return 0
        end += 1
    return end if end == len(cut) or cut[end] in (" ", ",") else 0


def _named_end(cut: Tokens, start: int) -> int:
    """Where ``Name of up to three words: value`` ends, the value a wildcard or missing."""
    end = start
    while end < len(cut) and is_word(cut[end]) and cut[end] != WILD and end - start <= _NAME:
        end += 2 if cut[end + 1 : end + 2] == (" ",) else 1
    if end == start or cut[end : end + 1] != (":",):
        return 0
    end += 1
    if cut[end : end + 2] == (" ", WILD):
        end += 2
    elif cut[end : end + 2] == (" ", ","):
        end += 1
    return end if end == len(cut) or cut[end] in ",;)]}" else 0
