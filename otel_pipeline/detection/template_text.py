"""From a mask to the form of a template: typed rules that need no statistics, and the cutting into tokens.

The engine's mask (``otel_pipeline_mask_v1``) hides what holds a digit. The rules here hide what is a value by its shape
or by its place: URLs, paths, hosts, printed values, lists. They see each distinct mask once.
Letters of other scripts than Latin are never part of a value that ends beside them: particles follow values directly.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from otel_pipeline.detection.template_records import Row, embedded_rows, json_rows, logfmt_rows

WILD = "<*>"
# So many tokens of a text are compared; what follows is one wildcard.
LONGEST = 256
# In the tokens of a record: stands before what an event key says, and before the name of an event.
SAYS, EVENT = "\x1f", "\x1e"

# Stack frames that were written into one line, with a blank, a bar or an escaped line break before each.
_FRAMES = re.compile(
    r"(?<![\s|])(?<!\\[nt])(?:(?:\\n|\\t|[\s|]|#\d{3})++(?:at [\w.$/<>*]+\([^()\n]*\)|\.\.\. (?:\d+|<\*>) more))+"
)
_URL = re.compile(
    r"(?<![\w.])[A-Za-z][A-Za-z+.-]*://(?:<\*>|[^\s\"'<>()\[\]{},;\u3000-\u9fff\uac00-\ud7a3])+", re.ASCII
)
# A path: starts at a slash that no word touches, and ends at a blank or a delimiter.
_PATH = re.compile(
    r"(?<![\w<>)/.~?&=-])/(?:\?(?:<\*>|[^\s\"'<>])*)"
    r"|(?<![A-Za-z0-9_<>)/.~-])(?:[a-zA-Z]:)?(?:~|\.{1,2})?[/\\](?=[\w<.])(?:<\*>|[^\s\"'(),:;=?\[\]{}|<>\u3000-\u9fff\uac00-\ud7a3])+(?:\?(?:<\*>|[^\s\"'<>])*)?"
)
# A host by its shape: labels that end in a domain, or in anything where a number follows after a colon: a port, or a
# line of code.
_DOMAINS = (
    "com|org|net|io|edu|gov|mil|int|info|biz|dev|app|cloud|local|localdomain|internal|intranet|lan|corp|home|test"
    "|example|invalid|svc"
)
_HOST = re.compile(
    rf"(?<![\w.$@/-])(?:(?:[\w-]+\.)+(?:(?:{_DOMAINS})(?![\w.-]*\w|\()|[a-z]{{2,3}}(?=:<\*>)|[\w-]+\.[a-z]{{2}}(?![\w.(-]))"
    r"|(?:[\w$-]+\.){2,}[\w$-]+(?=:<\*>))",
    re.ASCII,
)
# An address of a person is hidden even where it is met once only.
_MAIL = re.compile(r"(?<![\w.+>-])(?:[\w.+-]|<\*>)++@[\w-]+(?:\.[\w-]+)+", re.ASCII)
# A wildcard with something glued to it is one value; so are pairs of hexadecimal digits (a hardware address).
_GLUE = r"[A-Za-z0-9_$%#@*+~/\\€£¥₩µμ°-]"
_GLUED = re.compile(
    rf"(?:(?<![^\s=(:,])[<>≤≥]=?(?=<\*>))?(?<!{_GLUE})(?<!{_GLUE}\.)(?:{_GLUE}|(?<!\.)\.(?!\.))*+<\*>(?:{_GLUE}|<\*>|\.(?=[A-Za-z0-9_<])|={{1,2}}(?=[\s\"',;)\]}}]|$))*"
)
# Groups of hexadecimal digits between colons: hardware addresses and IPv6, at least one of them with a digit.
_PAIRS = re.compile(
    r"(?<![\w:.>])(?:[0-9A-Fa-f]{1,4}|<\*>)?(?:::?(?:[0-9A-Fa-f]{1,4}|<\*>)(?![A-Za-z0-9_])){2,}(?:::)?(?![\w:])",
    re.ASCII,
)
# Values with colons between them are one value.
_LIST = re.compile(r"<\*>(?::<\*>)+")
# Values as programming languages print them, from the innermost bracket outwards: lists, tuples, dictionaries, objects.
# What stands in such brackets is one value, however many items it has; a single bare word in brackets is none.
_QUOTED = r"(?:\"[^\"]*\"|'[^']*')"
_BARE = r"(?:[\w.@#/$%+-]|<\*>)+"
_INNER = r"\w*(?:\[<\*>\]|\{<\*>\}|\(<\*>\))"
_LEAF = rf"(?:{_QUOTED}|{_INNER}|{_BARE})"
_PAIR = rf"(?:{_QUOTED}: ?|[\w.-]+(?:=|: ))(?:{_LEAF})?"
_NEXT = r"(?:, ?|; )"
_LITERALS = r"(?:true|false|True|False|null|None|nil|<\*>)"
_PRINTED = re.compile(
    rf"\[(?:{_LEAF}{_NEXT}{_LEAF}(?:{_NEXT}{_LEAF})*|{_QUOTED}|{_INNER})\]|\[\](?=[\s,;:.)\]}}]|$)"
    rf"|\{{(?:{_PAIR}(?:{_NEXT}{_PAIR})*|(?:{_QUOTED}|{_INNER})(?:{_NEXT}{_LEAF})*)\}}|\{{\}}(?=[\s,;:.)\]}}]|$)"
    rf"|(?<=[\s=(\[{{:,])\((?:(?:{_QUOTED}|{_INNER})(?:{_NEXT}{_LEAF})*|{_LITERALS}(?:{_NEXT}{_LEAF})+),?\)"
)
_CALL = re.compile(rf"(?<![^\s=(\[{{,])[A-Z]\w*\({_PAIR}(?:{_NEXT}{_PAIR})*\)")
_DEPTH = 4
_OBJECT = re.compile(r"(?<![^\s=(,])[A-Z]\w*(?:\{<\*>\}|\[<\*>\])")
# A list of three and more single words is one value.
_ITEM = r"(?:<\*>|[\w.@#/-]+|\"[^\"]*\"|'[^']*')"
_ITEMS = re.compile(rf"(?<=\s){_ITEM}(?:, {_ITEM}){{2,}}+(?!\w)")
# Literals of programming languages are values.
_LITERAL = re.compile(r"(?<==)(?:true|false|True|False|null|None|nil|undefined|NaN)(?![\w.$-])")
_BLANKS = re.compile(r"\s+")

_HAN, _KANA, _KATAKANA, _HANGUL = (
    "\u3400-\u4dbf\u4e00-\u9fff々",
    "\u3041-\u309f",
    "\u30a0-\u30ff\u31f0-\u31ff",
    "\u3131-\u318e\uac00-\ud7a3",
)
_STOPS = r"\s=:,;()\[\]{}\"'|<>「」『』【】（）、。：；，！？"
# Words that begin with a capital and follow each other within a sentence are one name; so is what stands in quotes.
_CAPITAL, _SMALL = "A-ZÀ-ÖØ-ÞА-ЯЁ", "a-zà-öø-ÿа-яё"
_NAME = (
    rf"(?<=[\s=:(\[])[{_CAPITAL}][{_SMALL}]+(?: (?:(?:de|da|do|del|la|le|of|van|von) )?[{_CAPITAL}][{_SMALL}]+)+"
    r"(?![\w=])"
)
_QUOTE = r"\"[^\s\"<>=:{}()\[\],][^\"<>=:{}()\[\]]{0,40}\""
_TOKENS = re.compile(
    rf"{_NAME}|{_QUOTE}|<\*>|[{_HAN}]+|[{_KANA}]+|[{_KATAKANA}]+|[{_HANGUL}]+|\.{{2,}}|(?:[^.{_STOPS}{_HAN}{_KANA}{_KATAKANA}{_HANGUL}]|\.(?!\.))+|\s|."
)
_WORD = re.compile(r"\w")


def _printed(text: str) -> str:
    for _ in range(_DEPTH):
        shorter = _CALL.sub(WILD, _PRINTED.sub(lambda m: f"{m.group()[0]}{WILD}{m.group()[-1]}", text))
        if shorter == text:
            break
        text = shorter
    return text


# Rules by name, in the order in which they are used; `evaluate templates --ablation` leaves each out.
RULES: Mapping[str, Callable[[str], str]] = {
    "frames": lambda text: _FRAMES.sub("", text),
    "blanks": lambda text: _BLANKS.sub(" ", text).strip(),
    "url": lambda text: _URL.sub(WILD, text),
    "mail": lambda text: _MAIL.sub(WILD, text),
    "path": lambda text: _PATH.sub(WILD, text),
    "host": lambda text: _HOST.sub(WILD, text),
    "pairs": lambda text: _PAIRS.sub(lambda m: WILD if WILD in m.group() else m.group(), text),
    "glued": lambda text: _GLUED.sub(WILD, text),
    "printed": _printed,
    "object": lambda text: _OBJECT.sub(WILD, text),
    "items": lambda text: _ITEMS.sub(WILD, text),
    "literal": lambda text: _LITERAL.sub(WILD, text),
    "list": lambda text: _LIST.sub(WILD, text),
}


@dataclass(frozen=True)
class Form:
    """What a mask says: the readable text, the tokens that are compared, and of a record how many
    keys it has which plain words stand under them, and their names."""

    text: str
    tokens: tuple[str, ...]
    keys: int = 0
    values: tuple[tuple[str, str], ...] = ()
    names: frozenset[str] = frozenset()

    @property
    def speaks(self) -> bool:
        """Whether it is no record, or one that names its event."""
        return not self.keys or SAYS in self.tokens


def form(mask: str, without: frozenset[str] = frozenset()) -> str:
    """The form of a mask: all that is surely a value replaced by ``<*>``, blanks made single."""
    return parse(mask, without).text


def parse(mask: str, without: frozenset[str] = frozenset(), event_keys: frozenset[str] = frozenset()) -> Form:
    """Read a mask: a record by its message, anything else by its words.

    :param without: names of rules that are left out, to see what they are worth.
    :param event_keys: keys under which records name their event, beside those that are usual.
    """
    text = _BLANKS.sub(" ", mask).strip()
    if "record" not in without:
        rows = json_rows(text) if text[:1] == "{" else logfmt_rows(text)
        if rows:
            return _record(text, rows, without, event_keys)
        if found := embedded_rows(text):
            start, rows = found
            before = _plain(text[:start], without)
            record = _record(text[start:], rows, without, event_keys, embedded=True)
            if record.speaks:
                return Form(
                    f"{before} {record.text}",
                    (*tokens(before), *record.tokens),
                    record.keys,
                    record.values,
                    record.names,
                )
            if text[start] == "{":
                before += f" {{{WILD}}}"
                return Form(before, tokens(before))
    text = _plain(mask, without)
    cut = tokens(text)
    if len(cut) > LONGEST:
        cut = (*cut[:LONGEST], " ", WILD)
        text = "".join(cut)
    return Form(text, cut)


def _plain(text: str, without: frozenset[str]) -> str:
    for name, rule in RULES.items():
        if name not in without:
            text = rule(text)
    return text


def tokens(text: str) -> tuple[str, ...]:
    """Cut a form into words, wildcards, delimiters and blanks; joining them gives the form again."""
    cut: list[str] = []
    for token in _TOKENS.findall(text):
        if len(token) > 2 and token[0] == '"':
            cut += ('"', token[1:-1], '"')
        else:
            cut.append(token)
    return tuple(cut)


@lru_cache(100_000)
def is_word(token: str) -> bool:
    """Whether a token can vary: a word or a wildcard; no delimiter, no particle or ending in kana, no name of an
    event.
    """
    return token == WILD or (token[0] != EVENT and not "\u3041" <= token[0] <= "\u309f" and bool(_WORD.search(token)))


# Keys of a record under which the event stands: any of the first, otherwise the first of the second that is there.
_EVENT_KEYS = frozenset(
    (
        "msg",
        "message",
        "event",
        "evt",
        "event_name",
        "event.name",
        "eventname",
        "event_type",
        "eventtype",
        "body",
        "text",
        "log",
    )
)
_ACTION_KEYS = ("action", "operation", "op", "activity", "what", "type", "kind", "title", "step", "task", "name")
_LEVEL_KEYS = frozenset(("level", "lvl", "severity", "loglevel", "log.level", "levelname"))
_PLAIN = re.compile(r"[^\W\d_][\w .,:()@/<*>-]*")


def _record(
    text: str, rows: list[Row], without: frozenset[str], event_keys: frozenset[str], embedded: bool = False
) -> Form:
    """A record is known by what its event keys say; without any, by its keys. All other values are wildcards."""
    names = [_name(row[0]) for row in rows]
    speaking = [i for i, row in enumerate(rows) if _inner(row[1]) not in ("", WILD)]
    events = {i for i in speaking if names[i] in _EVENT_KEYS}
    if not events and not embedded:
        events = {i for i in speaking if rows[i][0] in event_keys}
    if not events and not embedded:
        actions = [i for key in _ACTION_KEYS for i in speaking if names[i] == key]
        events = set(actions[:1])
    said: list[str] = []
    pieces: list[str] = []
    values: list[tuple[str, str]] = []
    place = 0
    for number, (key, value, start, end) in enumerate(rows):
        quote = '"' if value[:1] == '"' else ""
        if number in events:
            inner = _plain(_inner(value), without)
            cut = tokens(inner)
            said += [EVENT + key, SAYS, *(cut if len(cut) > 1 else (EVENT + inner,))]
        elif names[number] in _LEVEL_KEYS and WILD not in value:
            inner = _inner(value)
        else:
            inner = WILD
            quote = quote if text[0] == "{" else ""
            if _PLAIN.fullmatch(_inner(value)):
                values.append((key, _inner(value)))
        pieces += [text[place:start], quote, inner, quote]
        place = end
    written = "".join(pieces) + text[place:]
    if not said:
        said = [token for key in sorted({row[0] for row in rows}) for token in (EVENT + key, "\n")]
    return Form(written, ("{", *said), len(rows), tuple(values), frozenset(row[0] for row in rows))


def _name(key: str) -> str:
    key = key.casefold()
    return key if key in _EVENT_KEYS else key.rsplit(".", 1)[-1]


def _inner(value: str) -> str:
    return value[1:-1] if value[:1] == '"' and value[-1:] == '"' and len(value) > 1 else value
