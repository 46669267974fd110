"""The SQL guard on made-up statements: nothing that reaches out passes, nothing makes it fail in another way."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz import text
from benchmarks.fuzz.text import HONEST, PIECES, allowed, judge

pieces = st.sampled_from(PIECES)
statements = st.one_of(
    st.lists(pieces, max_size=24).map(" ".join),
    st.lists(pieces, max_size=24).map("".join),
    st.lists(pieces, max_size=12).map(lambda parts: "SELECT 1 FROM " + " ".join(parts)),
    st.lists(pieces, max_size=8).map(lambda parts: f"SELECT count() FROM otel_logs {' '.join(parts)}"),
    st.text(max_size=60),
)


@settings(max_examples=3000, deadline=None)
@given(statements)
@example("SELECT 1 FROM numbers(3)")
@example("SELECT * FROM url /**/ ('x')")
@example("SELECT '/*' FROM file('*/')")
@example("SELECT 1 --\n FROM url('x')")
@example("SELECT 1 FROM system.'a\n\x1bb' WHERE 1")
def test_what_passes_reaches_nothing(sql: str) -> None:
    judge(sql)


def test_the_fuzzer_s_statements_pass_too() -> None:
    passing = ["SELECT 1 FROM numbers(3)", "SELECT count() FROM otel_logs WHERE x IN (1)", "WITH 1 AS x SELECT x"]
    assert all(allowed(sql) for sql in (*passing, *HONEST))


@pytest.mark.parametrize("sql", ["SELECT * FROM url('x')", "SELECT `file` ('x')", "SELECT 1; SELECT 2", "DROP TABLE x"])
def test_the_judge_tells_what_a_guard_lets_through(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "allowed", lambda sql: text.Statement(sql, ""))
    with pytest.raises(AssertionError):
        judge(sql)
