"""Text that somebody made to be obeyed: statements before the SQL guard, names on their way through the escapers."""

import random
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from otel_pipeline.sanitize import CLOSE, OPEN, Html, Llm, Markdown, Slack, Svg, Terminal, Untrusted, hides
from otel_pipeline.tools.guard import Statement, check
from otel_pipeline.tools.tokens import Refused

# The SQL guard.

REACHING = [
    "url", "file", "remote", "s3", "Python", "executable", "mysql", "postgresql", "jdbc", "merge", "cluster", "loop",
    "sleep", "dictGet", "iceberg", "aiEmbed",
]  # fmt: skip
PIECES = [
    *REACHING, *(f"{name}(" for name in REACHING), *(f"`{name}`(" for name in REACHING),
    *(f'"{name}" (' for name in REACHING), "SELECT", "select", "WITH", "EXPLAIN", "AST", "DESCRIBE", "SHOW",
    "FROM", "WHERE", "IN", "JOIN", "UNION ALL", "AS", "x", "otel_logs", "system.one", "system.users", "1", "'a'",
    "'\\''", "''", "'", "`", '"', "(", ")", ",", ".", ";", "--", "\n", "/*", "*/", "#", "$$", "\\G", "SETTINGS",
    "readonly = 0", "INTO OUTFILE", "FORMAT", "INSERT", "DROP TABLE", "{p:String}", "{p:", "*", "+", "->", "::",
    "\x00", "\u2018", "\u00a0", "\u202e", "ｕｒｌ(", "\\", "view(", "numbers(3)", "arrayMap(x -> x, [1])",
]  # fmt: skip
HONEST = [
    "SELECT 1 FROM numbers(3)",
    "SELECT count() FROM otel_logs WHERE Body LIKE '%a%' AND ServiceName IN ('a', 'b')",
    "WITH 1 AS x SELECT x, arrayMap(y -> y + 1, [1]) FROM otel_traces ORDER BY Timestamp DESC LIMIT 3",
    "SELECT a.TraceId FROM otel_traces AS a JOIN otel_logs AS b ON a.TraceId = b.TraceId GROUP BY 1",
    "SELECT * FROM (SELECT '/* url(' AS `x y`, \"file\" FROM system.one) UNION ALL SELECT 'a', 'it''s'",
    "DESCRIBE TABLE otel_logs",
    "EXPLAIN SELECT 1",
]
DISGUISES: list[Callable[[str], str]] = [
    "{}(".format, "{} (".format, "{}/**/(".format, "{}\n(".format, "`{}`(".format, '"{}"('.format,
    "{}--\n(".format, "{}#\n(".format, "{}\u00a0(".format, "{}\\(".format, "'{}'(".format, "$${}$$(".format,
]  # fmt: skip
CALLS = re.compile(rf"(?<!\w)[`\"]?({'|'.join(REACHING)})[`\"]?\s*\(", re.IGNORECASE)
QUOTED = re.compile(r"""'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|``)*`|"(?:[^"\\]|"")*\"""", re.DOTALL)
BEGINNING = re.compile(r"[(\s]*(SELECT|WITH|SHOW|DESCRIBE|DESC|EXPLAIN)\b", re.IGNORECASE)


def _bare(match: re.Match[str]) -> str:
    """What a quoted thing is for the search: a string nothing, an identifier its name where it is one."""
    inside = match[0][1:-1]
    return f" {inside}" if match[0][0] in '`"' and re.fullmatch(r"\w+", inside) else " x"


def allowed(sql: str) -> Statement | None:
    """The statement, where it may pass."""
    try:
        return check(sql)
    except Refused as refusal:
        assert not any(map(hides, str(refusal))), str(refusal)
        return None


def judge(sql: str) -> str:
    """Whether a statement passes the guard.

    :raises AssertionError: it does, and reaches out, ends early, or is none that only reads.
    """
    statement = allowed(sql)
    if statement is None:
        return "refused"
    bare = QUOTED.sub(_bare, statement.sql)
    assert not CALLS.search(bare), statement.sql
    assert ";" not in bare and "--" not in bare and "/*" not in bare and bare.isascii(), statement.sql
    assert BEGINNING.match(bare), statement.sql
    again = allowed(statement.sql)
    assert again is not None and again.sql == statement.sql, statement.sql
    return "passed"


def statement(chance: random.Random) -> str:
    """A statement out of pieces, or an honest one that somebody has had their hands on."""
    if chance.random() < 0.3:
        between = chance.choice((" ", ""))
        start = chance.choice(("", "SELECT 1 FROM ", "SELECT count() FROM otel_logs "))
        return start + between.join(chance.choice(PIECES) for _ in range(chance.randrange(24)))
    found = re.findall(r"\s+|\w+|.", chance.choice(HONEST), re.DOTALL)
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 6))):
        place = chance.randrange(len(found))
        match chance.randrange(6):
            case 0:
                found[place] = chance.choice(PIECES)
            case 1:
                found.insert(place, chance.choice(PIECES))
            case 2:
                call = chance.choice(DISGUISES)(chance.choice(REACHING))
                found.insert(place, call if chance.random() < 0.5 else f"{call}'x')")
            case 3 if len(found) > 1:
                del found[place]
            case 4:
                found[place] = found[place].swapcase()
            case _:
                found.insert(place, chance.choice(found))
    return "".join(found)


def guarding(chance: random.Random) -> str:
    """One round of ``sql``."""
    return judge(statement(chance))


# The escapers.

MARKUP = [
    "`", "``", "```", "~~~", "|", "[", "]", "(", ")", "![x](", "](http://e.example)", "[r]: http://e.example", "<",
    ">", "<img src=x onerror=alert(1)>", "<http://e.example>", "http://e.example/", "www.e.example", "a@e.example",
    "<!--", "-->", "<![CDATA[", "]]>", "<?x", "</p>", "</script>", "&lt;", "&#x60;", "&#96;", "&amp", "&", '"', "'",
    "\\", "\\`", "*", "**", "_", "# ", "- ", "1. ", "> ", "---", "===", "    ", "\t", "\n", "\n\n", "\r", "\v", "\f",
    "\x85", "\u2028", "\u2029", "\x00", "\x07", "\x1b[31m", "\x1b]8;;http://e.example\x07", "\x9b31m", "\x7f",
    "\u202e", "\u200b", "\ufeff", "\ufffe", "\uffff", "\ud800", "\U000e0041", "\U000f0000", "<!channel>", "<@U1>",
    "«", "»", "‹", "›", "$x$", "{}", "{name}", "%s", "=1+1", ":smile:", "ˋ", "¦", "x", "word", "é", "日本", " ",
]  # fmt: skip
TEMPLATES = (
    "# {}", "- {} 3 ms", "1. **{}** (50%): {}", "| {} | {} |\n|---|---|\n| {} | {} |", "a {}\n\n{} b", "> {}", "{}",
    "{}{}", "*{}*, {}", "    \n{}",
)  # fmt: skip
# What GitHub's dialect makes links of in plain text, as its readers look for it after parsing.
ADDRESS = re.compile(r"(https?://|www\.|mailto:|xmpp:|[\w.+-]+@[\w-]+\.\w)", re.IGNORECASE)
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
LED_TO = "http://127.0.0.1:8123/x?y="


def name(chance: random.Random) -> str:
    """What somebody might call a span."""
    pieces = [chance.choice(MARKUP) for _ in range(chance.randrange(12))]
    if chance.random() < 0.2:
        pieces.append(chr(chance.randrange(0x110000)))
    if chance.random() < 0.03:
        pieces = pieces * 200
    return "".join(pieces)


def outline(document: str) -> tuple[list[str], list[str]]:
    """The kinds of all tokens of a Markdown document, and the texts of it that stand outside of code spans."""
    kinds, texts = [], []
    for outer in PARSER.parse(document):
        for token in (outer, *(outer.children or ())):
            kinds.append(token.type)
            if token.type in ("text", "html_inline", "html_block", "fence", "code_block"):
                texts.append(token.content)
    return kinds, texts


def in_markdown(texts: list[str], template: str) -> None:
    """Nothing of a text is markup: the document has the outline that it has with harmless texts.

    :raises AssertionError: it has another.
    """
    fill: Any = Markdown.fill
    document, harmless = fill(template, *map(Untrusted, texts)), fill(template, *["x"] * len(texts))
    assert outline(document) == outline(harmless), document
    assert not any(ADDRESS.search(part) for part in outline(document)[1]), document
    linked = [
        token
        for outer in PARSER.parse(Markdown.fill("{}", Markdown.link(texts[0], LED_TO + texts[1])))
        for token in outer.children or ()
    ]
    addresses = [str(token.attrs["href"]) for token in linked if token.type == "link_open"]
    assert len(addresses) == 1 and addresses[0].startswith(LED_TO), addresses
    assert not {token.type for token in linked} & {"image", "html_inline"}, texts


class Tags(HTMLParser):
    """The tags of a document with their attributes, and the text between them."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.found: list[object] = []
        self.text = ""
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag and the names of its attributes."""
        self.found.append((tag, [name for name, _ in attrs]))

    def handle_endtag(self, tag: str) -> None:
        """Its end."""
        self.found.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """No document of ours has one."""
        self.found.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        """Nor a declaration."""
        self.handle_comment(decl)

    def handle_pi(self, data: str) -> None:
        """Nor an instruction."""
        self.handle_comment(data)

    def unknown_decl(self, data: str) -> None:
        """Nor a section."""
        self.handle_comment(data)


def in_other_targets(text: str) -> None:
    """Nothing of a text is markup in HTML, SVG, Slack, a terminal or a model's context.

    :raises AssertionError: something is.
    """
    page = Tags(Html.fill('<p title="{}"><b>{}</b></p>', Untrusted(text), Untrusted(text)))
    assert page.found == [("p", ["title"]), ("b", []), "/b", "/p"], page.found
    drawn = Svg.fill('<svg a="{}"><text>{}</text></svg>', Untrusted(text), Untrusted(text))
    assert [element.tag for element in ElementTree.fromstring(drawn).iter()] == ["svg", "text"]
    said = Slack.fill("*{}*", Untrusted(text))
    assert not set(said) & set("<>") and said.count("`") == 2 and said[1] == said[-2] == "`", said
    told = Llm.of(Untrusted(text))
    assert (told[0], told[-1], told.count(OPEN), told.count(CLOSE)) == (OPEN, CLOSE, 1, 1), told
    for target in (Markdown, Html, Svg, Slack, Llm):
        assert not [c for c in target.of(text) if hides(c)], target
    assert not [c for c in Terminal.of(text) if hides(c) and c not in "\n\t"], text


def escaping(chance: random.Random) -> str:
    """One round of ``escape``."""
    template = chance.choice(TEMPLATES)
    texts = [name(chance) for _ in range(max(2, template.count("{}")))]
    in_markdown(texts, template)
    in_other_targets(texts[0])
    plain = f"{texts[0]} {texts[1]}"
    return "harmless" if outline(plain)[0] == outline("x")[0] and not ADDRESS.search(plain) else "hostile"
