"""The expressions of the engine's rules."""

import re

from hypothesis import given
from hypothesis import strategies as st

from otel_pipeline.localdb.browsers import NAMES, all_but

HOSTS = re.compile(all_but(["", *NAMES], "port"))
GOOD = re.compile(r"|(127\.0\.0\.1|localhost|\[::1\])(:[0-9]*)?")


def test_all_but_the_words() -> None:
    expression = re.compile(all_but(["document", "doc", ""]))
    for word in ("document", "doc", ""):
        assert not expression.fullmatch(word)
    for word in ("d", "do", "docu", "documents", "x", "Document", "doc ", "docx", "\n"):
        assert expression.fullmatch(word), word


@given(
    st.one_of(st.text(max_size=12), st.from_regex(r"(127\.0\.0\.1|localhost|\[::1\])[:.0-9a-z]{0,4}", fullmatch=True))
)
def test_every_other_host_is_matched(text: str) -> None:
    assert bool(HOSTS.fullmatch(text)) != bool(GOOD.fullmatch(text))
