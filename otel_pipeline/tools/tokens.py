"""The tokens of a ClickHouse statement, for the guard: what cannot be read without doubt is refused.

The engine's own lexer takes more (heredocs, typographic quotes and blanks, ``#`` comments, nested comments, ``\\G``).
Whatever two lexers could read differently is an opening, so all of that is refused, and comments are cut out of the
statement that is sent.
"""

import re
from dataclasses import dataclass
from typing import Literal

from otel_pipeline.errors import UserError
from otel_pipeline.sanitize import one_line

Kind = Literal["word", "quoted", "string", "number", "parameter", "mark"]
MOST_CHARACTERS = 20_000
DEEPEST = 60


class Refused(UserError):
    """A statement that the guard does not let through: why, and what to write instead.

    The reason may quote the statement; it is one line without hidden characters all the same.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(one_line(reason))


@dataclass(frozen=True)
class Token:
    """A token. ``text`` of a quoted identifier is what stands between the quotes."""

    kind: Kind
    text: str

    @property
    def upper(self) -> str:
        """The text of a bare word in capitals; empty for everything else."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """The text of an identifier, bare or quoted, in small letters; empty for everything else."""
        return self.text.lower() if self.kind in ("word", "quoted") else ""


_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
      | (?P<comment>--[^\n]*|/\*(?:(?!/\*|\*/)[\s\S])*\*/)
      | (?P<string>'(?:[^'\\]|\\[\s\S]|'')*')
      | (?P<quoted>`(?:[^`\\]|``)*`|"(?:[^"\\]|"")*")
      | (?P<number>(?:0[xX][0-9a-fA-F]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![A-Za-z_]))
      | (?P<parameter>\{\ *[A-Za-z_]\w*\ *:[A-Za-z0-9_(),\ ]+\})
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<mark><=>|<=|>=|<>|!=|==|::|->|\|\||/(?!\*)|[-+*%=<>(),.;\[\]:?])""",
    re.VERBOSE | re.ASCII,
)


def tokens(sql: str) -> tuple[list[Token], str]:
    """The tokens of one statement, and the statement without comments and without its closing semicolon.

    :raises Refused: two statements, an empty or very long one, or something that cannot be read without doubt.
    """
    if len(sql) > MOST_CHARACTERS:
        raise Refused(f"the statement has {len(sql):,} characters; at most {MOST_CHARACTERS:,} are read")
    found: list[Token] = []
    parts: list[str] = []
    at = depth = 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None:
            raise Refused(f"cannot read {sql[at : at + 12]!r} at position {at}: {_hint(sql, at)}")
        kind, text = str(match.lastgroup), match.group()
        at = match.end()
        if kind == "comment":
            parts.append(" ")
            continue
        parts.append(text)
        if kind == "blank":
            continue
        depth += (text in ("(", "[")) - (text in (")", "]"))
        if not 0 <= depth <= DEEPEST:
            raise Refused("its brackets do not match, or are nested too deeply")
        if kind == "parameter" and "identifier" in text.lower():
            raise Refused("no parameters of type Identifier; write the name itself")
        if "\0" in text or (kind == "quoted" and re.search(r"[\x00-\x1f\x7f-\x9f]", text)):
            raise Refused("a control character within quotes; leave it out")
        found.append(Token(kind, text[1:-1] if kind == "quoted" else text))  # pyright: ignore[reportArgumentType]
    clean = "".join(parts).strip()
    while found and found[-1].text == ";":
        found.pop()
        clean = clean[:-1].rstrip()
    if not found:
        raise Refused("nothing to run; send one SELECT")
    if any(token.kind == "mark" and token.text == ";" for token in found):
        raise Refused("two statements; send them one by one")
    return found, clean


def _hint(sql: str, at: int) -> str:
    character = sql[at]
    if character in "'\"`":
        return "the quote is not closed, or a quoted name has a backslash"
    if character in "{}":
        return "braces stand around parameters only, {name:Type}; write map(...) for maps"
    if character == "/":
        return "a comment that is not closed, or one within another"
    if not character.isascii():
        return "letters outside ASCII stand within quotes only"
    return "not part of the SQL that is read here"
