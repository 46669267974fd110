"""Text of telemetry is a stranger's: a type of its own, and one escaper for each target that it may be written into.

:class:`Untrusted` cannot become a string by accident: formatting, joining and ``str()`` raise. A text of a target
(:class:`Markdown`, :class:`Html`, :class:`Svg`, :class:`Terminal`, :class:`Slack`, :class:`Llm`) is made by its
``of()``, which escapes, or by its ``fill()``: a template that this project wrote, whose values are escaped unless they
are texts of that same target. One filter of hidden characters (:func:`hides`) serves all of them.
"""

import re
import unicodedata
from collections.abc import Iterable
from html import escape
from typing import ClassVar, LiteralString, Self

# Control characters; format characters (bidirectional overrides, zero width, tags); private, unassigned, surrogates.
HIDDEN = frozenset(("Cc", "Cf", "Co", "Cn", "Cs"))
BREAKS = "\n\r\t\v\f\x85\u2028\u2029"
OPEN, CLOSE = "«", "»"
_PLAIN = re.compile(r"[A-Za-z0-9]{1,64}")
_FIELD = re.compile(r"\{(\w*)\}")
_INSIDE = str.maketrans({OPEN: "‹", CLOSE: "›"})
_NOT_SVG = re.compile("[\ufffe\uffff]")
# Blocks come before code spans: a paragraph that begins with [`]: would be the definition of a reference, unseen.
_LABEL = str.maketrans("[]", "［］")


def hides(character: str) -> bool:
    """Whether a terminal would obey this character, or a person not see it: line breaks and tabs among them."""
    if " " <= character <= "\x7e":
        return False
    return character in BREAKS or unicodedata.category(character) in HIDDEN


def one_line(text: str) -> str:
    """The text on one line: breaks become spaces, every other hidden character goes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if c in BREAKS else c for c in text if c in BREAKS or not hides(c))


def written_out(text: str, kept: str = "\n\t") -> str:
    """The text with its hidden characters as ``\\x1b``, so that a reader sees that they are there."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c if c in kept or not hides(c) else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text
    )


def cut(text: str, width: int) -> str:
    """The text, shortened where it is longer than ``width`` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


class Untrusted:
    """A text that anybody may have written: a name, a message, a value of telemetry.

    It compares and hashes as its text; the text itself comes out through a target's escaper, or as :attr:`raw` for
    what takes parameters by value, such as a query.
    """

    __slots__ = ("raw",)

    def __init__(self, text: object) -> None:
        self.raw = text.raw if isinstance(text, Untrusted) else str(text)

    def __str__(self) -> str:
        raise TypeError("text of telemetry is written through a target's escaper: see otel_pipeline.sanitize")

    def __format__(self, _: str) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"Untrusted({self.raw!a})"

    def __eq__(self, other: object) -> bool:
        return self.raw == (other.raw if isinstance(other, Untrusted) else other)

    def __hash__(self) -> int:
        return hash(self.raw)

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, part: slice) -> "Untrusted":
        return Untrusted(self.raw[part])


class Written(str):
    """A text that may be written into a target as it is. Each target has its own class and its own escaper."""

    __slots__ = ()
    width: ClassVar[int] = 10_000

    @classmethod
    def of(cls, text: object, width: int | None = None) -> Self:
        """Anything as a text of this target: escaped, unless it is one already.

        :param width: the most characters of the text that are kept.
        """
        if isinstance(text, cls):
            return text
        raw = text.raw if isinstance(text, Untrusted) else str(text)
        return cls(cls._escape(raw, width or cls.width))

    @classmethod
    def fill(cls, template: LiteralString, *values: object, **named: object) -> Self:
        """A template of ours with its ``{}`` and ``{name}`` filled; numbers as they are, all else through :meth:`of`.

        :raises IndexError, KeyError: a field without a value.
        """
        left = iter(values)

        def field(match: re.Match[str]) -> str:
            value = named[match[1]] if match[1] else next(left)
            return str(value) if isinstance(value, int | float) else cls.of(value)

        return cls(_FIELD.sub(field, template))

    @classmethod
    def lines(cls, parts: Iterable[object], between: LiteralString = "\n") -> Self:
        """Texts joined by one of ours."""
        return cls(between.join(cls.of(part) for part in parts))

    @classmethod
    def _escape(cls, text: str, width: int) -> str:
        raise NotImplementedError


class Markdown(Written):
    """Markdown: a stranger's text is a code span.

    Backslashes would not do: readers of GitHub's dialect look for addresses in the text that is left after unescaping,
    and make links of them. Nothing in a code span is markup, a link, a picture or HTML.
    """

    __slots__ = ()
    width = 300

    @classmethod
    def _escape(cls, text: str, width: int) -> str:
        inside = cut(one_line(text), width).replace("`", "ˋ").replace("|", "¦").strip() or " "
        return f"`{inside}`"

    @classmethod
    def link(cls, text: object, address: str, width: int = 80) -> "Markdown":
        """A link of ours; its address is one that this project built (:mod:`otel_pipeline.links`), percent-encoded."""
        safe = "".join(c if c.isascii() and c.isprintable() and c not in ' <>()[]"`|\\' else "" for c in address)
        if not safe.startswith(("http://", "https://")):
            return cls.of(text, width)
        shown = text if isinstance(text, str) and _PLAIN.fullmatch(text) else cls.of(text, width).translate(_LABEL)
        return cls(f"[{shown}]({safe})")


class Html(Written):
    """HTML, as text or as a quoted value of an attribute."""

    __slots__ = ()

    @classmethod
    def _escape(cls, text: str, width: int) -> str:
        return escape(cut(one_line(text), width), quote=True)


class Svg(Html):
    """SVG, which is XML: two characters more cannot stand in it at all."""

    __slots__ = ()

    @classmethod
    def _escape(cls, text: str, width: int) -> str:
        return super()._escape(_NOT_SVG.sub("", text), width)


class Terminal(Written):
    """A terminal: what it would obey is written out."""

    __slots__ = ()

    @classmethod
    def _escape(cls, text: str, width: int) -> str:
        return written_out(cut(text, width))


class Slack(Written):
    """Slack's mrkdwn: a code span in which the three characters of its markup are entities. No link, no mention."""

    __slots__ = ()
    width = 300

    @classmethod
    def _escape(cls, text: str, width: int) -> str:
        inside = cut(one_line(text), width).replace("`", "ˋ").strip() or " "
        return f"`{escape(inside, quote=False)}`"


class Llm(Written):
    """A language model: between delimiters that the text cannot hold (see :mod:`otel_pipeline.tools.untrusted`)."""

    __slots__ = ()
    width = 300

    @classmethod
    def _escape(cls, text: str, width: int) -> str:
        clean = one_line(text[: width + 1]).translate(_INSIDE)
        return f"{OPEN}{clean[:width].rstrip()}{'…' if len(text) > width else ''}{CLOSE}"
