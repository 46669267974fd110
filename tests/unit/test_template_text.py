"""Rules that turn a mask into the form of a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_pipeline.detection.template_text import form, is_word, tokens


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("loading /opt/app/lib/core.so failed", "loading <*> failed"),
        ("GET /cart/add <*>", "GET <*>"),
        ("either and/or both", "either and/or both"),
        ("host db.internal.example refused", "host <*> refused"),
        ("java.lang.NullPointerException: no user", "java.lang.NullPointerException: no user"),
        ("action android.intent.action.SCREEN_ON", "action android.intent.action.SCREEN_ON"),
        ('tag="View Lock", name=a', "tag=<*>, name=a"),
        ('level=info msg="user logged in"', 'level=info msg="user logged in"'),
        ('{"event":"order placed"}', '{"event":"order placed"}'),
        ("session opened for user alice by root", "session opened for user <*> by root"),
        ("mail to ann@shop.example was sent", "mail to <*> was sent"),
        ("check pass; user unknown", "check pass; user unknown"),
        ("user not found", "user not found"),
        ("node-<*> up", "<*> up"),
        ("cause........<*>", "cause........<*>"),
        ("ids <*>, <*>, <*> done", "ids <*> done"),
        ("at <*>:<*>:<*>", "at <*>"),
        ("from <*> ()", "from <*> (<*>)"),
        ("clear() called", "clear() called"),
        ("FF:<*>:DC:<*>", "<*>"),
        ("a  b\n c", "a b c"),
    ],
)
def test_values_are_hidden_and_words_stay(mask: str, expected: str) -> None:
    assert form(mask) == expected


@given(st.text(alphabet="ab./=(){}[]\"' :,;<*>-_\n", max_size=60))
def test_tokens_give_the_form_again(mask: str) -> None:
    text = form(mask)
    assert "".join(tokens(text)) == text
    assert "  " not in text


def test_delimiters_are_no_words() -> None:
    assert [token for token in tokens("a=<*>, ****") if is_word(token)] == ["a", "<*>"]
