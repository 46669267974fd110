"""What is understood of a question without any model."""

from datetime import UTC, datetime, timedelta

import pytest

from otel_pipeline.agent.citations import check
from otel_pipeline.agent.question import LAST, understand

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


def at(clock: str) -> datetime:
    """A time of that day."""
    return datetime.fromisoformat(f"2026-01-31T{clock}+00:00")


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("errors in the last 15 minutes?", at("08:45"), NOW),
        ("Fehler in den letzten 30 Minuten?", at("08:30"), NOW),
        ("최근 2시간 동안 오류가 왜 늘었나요", at("07:00"), NOW),
        ("最近10分钟有什么异常", at("08:50"), NOW),
        ("was war in der letzten Stunde?", at("08:00"), NOW),
        ("what broke between 08:10 and 08:20?", at("08:10"), at("08:20")),
        ("what broke since 08:10?", at("08:10"), NOW),
        ("08:10부터 무슨 일이", at("08:10"), NOW),
        ("what happened at 08:10?", at("08:10") - LAST, at("08:10") + LAST),
        ("from 2026-01-30T08:10:00Z to 2026-01-30 08:20", *(at(c) - timedelta(days=1) for c in ("08:10", "08:20"))),
        ("2026-01-30T17:10:00+09:00 to 2026-01-30T17:20:00+09:00", at("08:10") - timedelta(days=1),
         at("08:20") - timedelta(days=1)),
        ("on 2026-01-30 between 08:10 and 08:20", *(at(c) - timedelta(days=1) for c in ("08:10", "08:20"))),
        ("anything on 2026-01-30?", at("00:00") - timedelta(days=1), at("00:00")),
        ("was war gestern?", at("00:00") - timedelta(days=1), at("00:00")),
        ("오늘 이상한 점?", at("00:00"), NOW),
        ("2026-99-99 and 25:99 are no times; last 5 minutes", at("08:55"), NOW),
    ],
)  # fmt: skip
def test_windows(question: str, start: datetime, end: datetime):
    asked = understand(question, NOW)
    assert asked.timed
    assert (asked.window.start, asked.window.end) == (start, end)


def test_without_a_time_it_is_the_last_quarter_of_an_hour():
    asked = understand("anything abnormal? v1.2.3 of 500 errors, 3 carts", NOW)
    assert not asked.timed
    assert asked.window.start == NOW - LAST


@pytest.mark.parametrize(
    ("question", "service"),
    [
        ("why does payment fail?", "payment-service"),
        ("Payment-Service is slow", "payment-service"),
        ("payment에서 오류", "payment-service"),
        ("is cart ok", "cart"),
        ("the cartography is wrong", None),
        ("cart exporter", "cart-exporter"),
    ],
)
def test_services_by_their_names(question: str, service: str | None):
    assert understand(question, NOW, ["payment-service", "cart", "cart-exporter"]).service == service


def test_traces_and_texts():
    trace = "0123456789abcdef0123456789ABCDEF"
    assert understand(f"what of {trace}?", NOW).trace_id == trace.lower()
    assert understand('logs like "pool exhausted" please', NOW).phrase == "pool exhausted"
    assert understand("find java.lang.NullPointerException", NOW).phrase == "java.lang.NullPointerException"
    assert understand("don't know, isn't it?", NOW).phrase is None


def test_citations_are_held_against_their_sources():
    known, lie = "a" * 16 + "1" * 16, "b" * 16 + "2" * 16
    text, cited = check(f"see {known.upper()} and {lie}, {lie}.", [f'{{"trace_id":"{known}"}}'])
    assert [(c.trace_id, c.verified) for c in cited] == [(known, True), (lie, False)]
    assert text.count("[not in any tool answer]") == 2
