"""From a mask to the form of a template: typed rules that need no statistics, and the cutting into tokens.

The engine's mask (``otel_pipeline_mask_v1``) hides what holds a digit. The rules here hide what is a value by its shape
or by its place: paths, dotted names, quoted values, names of users, lists. They see each distinct mask once.
"""

import re

WILD = "<*>"

# A run of digits-free hexadecimal letters as long as an address.
_HEX = re.compile(r"\b[a-f]{8,}\b|\b[A-F]{8,}\b")
# A path: starts at a slash that no word touches, and ends at a blank or a delimiter.
_PATH = re.compile(r"(?<![\w>)/.~-])(?:[a-zA-Z]:)?(?:~|\.{1,2})?[/\\](?=[\w<.])[^\s\"'(),:;=\[\]{}|]+")
_RELATIVE = re.compile(r"(?<![\w>)/.-])(?:[\w$-]+\.)+[\w$-]+/[\w./$-]+")
# Names of three and more parts (hosts, packages); names of exceptions and of constants (x.y.SCREEN_ON) say something.
_DOTTED = re.compile(r"(?<![\w.$-])(?:[\w$-]+\.){2,}([\w$-]+)(?![\w(.])")
_SPEAKING = re.compile(r".*(?:Exception|Error|Throwable)$|[A-Z]+(?:_[A-Z]+)*$")
# key="some value", unless the key says that the text is the message itself.
_MESSAGE_KEYS = r"msg|message|event|err|error|reason|description|level|severity|status|exception|text"
_QUOTED = re.compile(rf"(?<![\w-])(?!(?:{_MESSAGE_KEYS})=)([\w.-]+=)(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE)
# The word after "user" is a name, unless it goes on with the sentence.
_SENTENCE = (
    "unknown|not|is|was|has|had|does|did|can|cannot|with|and|or|in|on|at|by|to|for|from|of|no"
    "|data|name|id|agent|session|account|input|request|logged|login|logout"
)
_USER = re.compile(rf"(?<=\b[Uu]ser )(?!(?:{_SENTENCE})\b)[\w.$@-]+(?![\w:=(])")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# A wildcard with something glued to it is one value; so are pairs of hexadecimal digits (a hardware address).
_GLUED = re.compile(r"(?:[\w$%#@*+~/\\-]|(?<!\.)\.(?!\.))*<\*>(?:[\w$%#@*+~/\\-]|<\*>|\.(?=[\w<]))*")
_PAIRS = re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{2}|<\*>)(?::(?:[0-9A-Fa-f]{2}|<\*>)){2,}(?![\w:])")
# One value in the brackets of a constructor, as the value of a key: ws=WorkSource{<*>}.
_CONSTRUCTED = re.compile(r"(?<==)[A-Za-z_]\w*(?:\{<\*>\}|\[<\*>\]|\(<\*>\))")
# Lists of values, however long, are one value; a missing one in brackets is a value too.
_LIST = re.compile(r"<\*>(?:(?P<sep>, ?|:| |\||;)<\*>)(?:(?P=sep)<\*>)*")
_EMPTY = re.compile(r"(?<=\s)\(\)")
_BLANKS = re.compile(r"\s+")

_TOKENS = re.compile(r"<\*>|[^\s=:,;()\[\]{}\"'|<>]+|\s|.")
_WORD = re.compile(r"\w")


def form(mask: str) -> str:
    """The form of a mask: all that is surely a value replaced by ``<*>``, blanks made single."""
    text = _BLANKS.sub(" ", mask).strip()
    text = _HEX.sub(WILD, text)
    text = _QUOTED.sub(rf"\g<1>{WILD}", text)
    text = _MAIL.sub(WILD, text)
    text = _PATH.sub(WILD, text)
    text = _RELATIVE.sub(WILD, text)
    text = _DOTTED.sub(lambda m: m.group() if _SPEAKING.match(m.group(1)) else WILD, text)
    text = _USER.sub(WILD, text)
    text = _GLUED.sub(WILD, text)
    text = _PAIRS.sub(WILD, text)
    text = _CONSTRUCTED.sub(WILD, text)
    text = _EMPTY.sub(f"({WILD})", text)
    return _LIST.sub(WILD, _LIST.sub(WILD, text))


def tokens(text: str) -> tuple[str, ...]:
    """Cut a form into words, wildcards, delimiters and blanks; joining them gives the form again."""
    return tuple(_TOKENS.findall(text))


def is_word(token: str) -> bool:
    """Whether a token can vary: a word or a wildcard, no delimiter."""
    return token == WILD or bool(_WORD.search(token))
