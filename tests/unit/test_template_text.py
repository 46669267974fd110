"""Rules that turn a mask into the form of a template."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_pipeline.detection.template_text import form, is_word, parse, tokens


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("loading /opt/app/lib/core.so failed", "loading <*> failed"),
        ("GET /cart/add <*>", "GET <*> <*>"),
        ("either and/or both", "either and/or both"),
        ("host db.internal.example refused", "host <*> refused"),
        ("java.lang.NullPointerException: no user", "java.lang.NullPointerException: no user"),
        ("action android.intent.action.SCREEN_ON", "action android.intent.action.SCREEN_ON"),
        ('tag="View Lock", name=a', "tag=<*>, name=a"),
        ('level=info msg="user logged in"', 'level=info msg="user logged in"'),
        ('{"event":"order placed"}', '{"event":"order placed"}'),
        ("session opened for user alice by root", "session opened for user alice by root"),
        ("mail to ann@shop.example was sent", "mail to <*> was sent"),
        ("check pass; user unknown", "check pass; user unknown"),
        ("user not found", "user not found"),
        ("node-<*> up", "<*> up"),
        ("cause........<*>", "cause........<*>"),
        ("ids <*>, <*>, <*> done", "ids <*> done"),
        ("at <*>:<*>:<*>", "at <*>"),
        ("from <*> ()", "from <*> ()"),
        ("keys ['a', 'b'] and [] and ['c'] found", "keys [<*>] and [<*>] and [<*>] found"),
        ("with {'a': [<*>, None], 'b': {}} now", "with {<*>} now"),
        ("called with (True, 'x', <*>)", "called with (<*>)"),
        ("record Item(name='x', size=<*>) kept", "record <*> kept"),
        ("closed [preauth] by (uid=<*>)", "closed [preauth] by (uid=<*>)"),
        ("get /?a=b&c=<*> done", "get <*> done"),
        ("clear() called", "clear() called"),
        ("FF:<*>:DC:<*>", "<*>"),
        ("a  b\n c", "a b c"),
        # Names with dots are names; hosts are known by their domain, or by the number after them.
        ("search.cache.miss counted", "search.cache.miss counted"),
        ("open through proxy.cs.uni.hk:<*> now", "open through <*> now"),
        ("from mail.example.com by smtp", "from <*> by smtp"),
        # Whatever script stands beside a value is no part of it.
        ("주문 <*>건을 처리", "주문 <*>건을 처리"),
        ("注文<*>件を処理", "注文<*>件を処理"),
        ("GET /v<*>/items?limit=<*>&after=abc done", "GET <*> done"),
        ("see https://shop.example/a?b=c&d=<*>.", "see <*>"),
        ("token abC+/<*>== used", "token <*> used"),
        ("peer <*>::a:<*> up", "peer <*> up"),
        ("lasted <<*> sec", "lasted <*> sec"),
        ("tags [red, green] set", "tags [<*>] set"),
        ("for WorkItem{<*>} and Optional[<*>]", "for <*> and <*>"),
        ("failed: x.Y: broken | at a.b.C(D.java:<*>) | at e.f.G(H.java:<*>)", "failed: x.Y: broken"),
        ("<user>ann</user> paid <*>", "<user>ann</user> paid <*>"),
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


def test_a_record_is_known_by_what_its_event_key_says() -> None:
    first = parse('{"ts": "<*>T<*>", "level": "info", "msg": "order placed by ann", "user": "ann", "items": <*>}')
    second = parse('{"level": "info", "msg": "order placed by ann", "region": "eu", "tags": ["a", "b"]}')
    assert first.tokens == second.tokens
    assert first.text == '{"ts": "<*>", "level": "info", "msg": "order placed by ann", "user": "<*>", "items": <*>}'
    assert parse(first.text).tokens == first.tokens


@pytest.mark.parametrize(
    "line", ["op=order.placed user=ann took=<*>", '{"op": "order.placed", "data": {"user": "ann"}}']
)
def test_names_of_events_stay(line: str) -> None:
    assert "order.placed" in form(line)
    assert "ann" not in form(line)


def test_a_record_within_a_line_counts_by_its_message() -> None:
    text = form('<*> INFO [main] {"message": "order placed", "user": "ann"}')
    assert text == '<*> INFO [main] {"message": "order placed", "user": "<*>"}'
    assert form('sending {"user": "ann", "city": "Oslo"}') == "sending {<*>}"


UNITS = [
    "(",
    "[",
    '{"',
    "a",
    "a.",
    "<*>",
    "<*>, ",
    "a:",
    "/a",
    "a@",
    '"a" ',
    "a=",
    " ",
    "|",
    "\\n",
    "Ab ",
    '{"a":',
    "-",
    "a://",
    "<*>:",
    "用",
]


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    text = (unit * 2000)[:2000]
    start = time.process_time()
    parse(text)
    # Some milliseconds; a rule that is quadratic takes a tenth of a second, one that is worse took a minute.
    assert time.process_time() - start < 0.1
