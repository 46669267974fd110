"""The SQL guard on made-up statements: nothing that reaches out passes, nothing makes it fail in another way."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_pipeline.tools.guard import Statement, check
from otel_pipeline.tools.tokens import Refused

REACHING = [
    "url",
    "file",
    "remote",
    "s3",
    "Python",
    "executable",
    "mysql",
    "postgresql",
    "jdbc",
    "merge",
    "cluster",
    "loop",
    "sleep",
    "dictGet",
    "iceberg",
    "aiEmbed",
]
PIECES = [
    *REACHING, *(f"{name}(" for name in REACHING), *(f"`{name}`(" for name in REACHING),
    *(f'"{name}" (' for name in REACHING), "SELECT", "select", "WITH", "EXPLAIN", "AST", "DESCRIBE", "SHOW",
    "FROM", "WHERE", "IN", "JOIN", "UNION ALL", "AS", "x", "otel_logs", "system.one", "system.users", "1", "'a'",
    "'\\''", "''", "'", "`", '"', "(", ")", ",", ".", ";", "--", "\n", "/*", "*/", "#", "$$", "\\G", "SETTINGS",
    "readonly = 0", "INTO OUTFILE", "FORMAT", "INSERT", "DROP TABLE", "{p:String}", "{p:", "*", "+", "->", "::",
    "\x00", "\u2018", "\u00a0", "\u202e", "ｕｒｌ(", "\\", "view(", "numbers(3)", "arrayMap(x -> x, [1])",
]  # fmt: skip
statements = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=24).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=24).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map(lambda parts: "SELECT 1 FROM " + " ".join(parts)),
    st.lists(st.sampled_from(PIECES), max_size=8).map(lambda parts: f"SELECT count() FROM otel_logs {' '.join(parts)}"),
    st.text(max_size=60),
)
CALLS = re.compile(rf"(?<!\w)[`\"]?({'|'.join(REACHING)})[`\"]?\s*\(", re.IGNORECASE)


QUOTED = re.compile(r"""'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|``)*`|"(?:[^"\\]|"")*\"""", re.DOTALL)


def _bare(match: re.Match[str]) -> str:
    """What a quoted thing is for the search: a string nothing, an identifier its name where it is one."""
    inside = match[0][1:-1]
    return f" {inside}" if match[0][0] in '`"' and re.fullmatch(r"\w+", inside) else " x"


def allowed(sql: str) -> Statement | None:
    """The statement, where it may pass."""
    try:
        return check(sql)
    except Refused as refusal:
        assert "\n" not in str(refusal)
        return None


@settings(max_examples=3000, deadline=None)
@given(statements)
@example("SELECT 1 FROM numbers(3)")
@example("SELECT * FROM url /**/ ('x')")
@example("SELECT '/*' FROM file('*/')")
@example("SELECT 1 --\n FROM url('x')")
def test_what_passes_reaches_nothing(sql: str) -> None:
    statement = allowed(sql)
    if statement is None:
        return
    bare = QUOTED.sub(_bare, statement.sql)
    assert not CALLS.search(bare), statement.sql
    assert ";" not in bare and "--" not in bare and "/*" not in bare and bare.isascii(), statement.sql
    assert re.match(r"[(\s]*(SELECT|WITH|SHOW|DESCRIBE|DESC|EXPLAIN)\b", bare, re.IGNORECASE), statement.sql
    again = allowed(statement.sql)
    assert again is not None and again.sql == statement.sql


def test_the_fuzzer_s_statements_pass_too() -> None:
    passing = ["SELECT 1 FROM numbers(3)", "SELECT count() FROM otel_logs WHERE x IN (1)", "WITH 1 AS x SELECT x"]
    assert all(allowed(sql) for sql in passing)
