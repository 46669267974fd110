"""When the memory speaks, and when it says nothing."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from otel_pipeline.detection import recall, reviews, staleness
from otel_pipeline.detection.memory import Pattern
from otel_pipeline.detection.pattern_check import Checked
from otel_pipeline.detection.signs import Sign
from otel_pipeline.errors import UserError

FEATURES = tuple(
    str(Sign(*parts))
    for parts in (
        ("begins", "stock", "GET /stock", "Timeout"),
        ("latency", "stock", "connect", ""),
        ("template", "cart", "", "stock did not answer"),
    )
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pattern(**values: object) -> Pattern:
    """A confirmed pattern with a vector."""
    known = Pattern(
        uuid.uuid4(),
        NOW,
        "s",
        "m",
        "stock",
        root_cause="pool leak",
        resolution="restart",
        Features=FEATURES,
        embedding=(1.0, 0.0),
        EmbeddingModel="m",
        Status="confirmed",
    )
    return replace(known, **values)  # pyright: ignore[reportArgumentType]


def answer(known: list[Pattern], **values: object) -> recall.Recall:
    """What the memory says to an incident like the pattern, but for ``values``."""
    return recall.recall(known, pattern(**{"Status": "suspected", "embedding": (1.0, 0.1), **values}))


def test_structure_and_meaning_must_both_agree():
    known = pattern()
    assert answer([known]).pattern == known
    assert answer([known], Features=(str(Sign("begins", "stock", "GET /stock", "KeyError")),)).pattern is None
    assert answer([known], embedding=(0.0, 1.0)).pattern is None
    assert answer([known], service_name="cart").pattern is None


def test_it_must_begin_at_the_same_place_however_it_shows():
    assert answer([pattern()], Features=(*FEATURES[1:], str(Sign("begins", "stock", "connect", "Timeout")))).pattern
    passed = tuple(str(Sign("error", "stock", name, "Timeout")) for name in ("GET /stock", "POST /stock", "reserve"))
    leak, pool = (str(Sign("latency", "below", place, "")) for place in ("read pages", "connect"))
    known = pattern(Features=(*passed, pool))
    assert answer([known], Features=(*passed, pool)).pattern == known
    assert answer([known], Features=(*passed, leak)).pattern is None


def test_what_is_faint_on_one_side_agrees_by_half():
    slow, lost = str(Sign("latency", "stock", "SELECT", "")), str(Sign("delay", "stock", "SELECT", ""))
    more, less = str(Sign("latency", "stock", "connect", "")), str(Sign("faint latency", "stock", "connect", ""))
    known = pattern(Features=(slow, lost, more))
    found = [answer([known], Features=(slow, lost, *rest)).match for rest in ((more,), (less,), ())]
    overlaps = [match.overlap for match in found if match]
    assert overlaps == sorted(overlaps, reverse=True)
    assert overlaps[0] == 1.0
    assert len(set(overlaps)) == 3


def test_the_most_time_must_be_lost_where_the_other_is_slow_too():
    select, connect = str(Sign("latency", "stock", "SELECT", "")), str(Sign("latency", "stock", "connect", ""))
    known = pattern(Features=(select, connect, str(Sign("delay", "stock", "SELECT", ""))))
    lost = str(Sign("delay", "stock", "connect", ""))
    assert answer([known], Features=(select, connect, lost)).pattern == known
    faint = str(Sign("faint latency", "stock", "SELECT", ""))
    assert answer([known], Features=(faint, connect, lost)).pattern is None


def test_what_callers_suffer_alone_is_no_agreement():
    mine = (str(Sign("begins", "stock", "SELECT", "Deadlock")), FEATURES[2])
    found = answer([pattern()], Features=mine)
    assert found.pattern is None
    assert found.why == "no known pattern"


def test_without_vectors_structure_alone_decides():
    known = pattern(embedding=(), EmbeddingModel="")
    assert answer([known], embedding=()).pattern == known


def test_another_model_s_vector_is_not_compared():
    assert answer([pattern(EmbeddingModel="other", embedding=(0.0, 1.0))]).pattern is not None


def test_what_people_described_in_words_alone_is_recalled_only_when_very_near():
    told = pattern(Features=())
    assert answer([told], embedding=(1.0, 0.1)).pattern == told
    assert answer([told], embedding=(1.0, 0.7)).pattern is None


@pytest.mark.parametrize("status", ["suspected", "rejected", "stale"])
def test_only_what_is_confirmed_is_recalled(status: str):
    found = answer([pattern(Status=status)])
    assert found.pattern is None
    assert status in found.why


def test_known_harmless_is_a_recall_of_its_own():
    known = pattern(Harmless=True)
    assert answer([known]).pattern == known


def test_two_causes_that_fit_about_as_well_are_no_answer_but_the_same_cause_twice_is():
    one, other = pattern(), pattern(root_cause="disk full")
    assert answer([one, other]).pattern is None
    assert "fit about as well" in answer([one, other]).why
    assert answer([one, pattern()]).pattern is not None


def test_a_rejected_twin_keeps_the_memory_silent():
    assert answer([pattern(), pattern(Status="rejected")]).pattern is None


@pytest.mark.parametrize("holds", [False, None])
def test_a_check_that_does_not_hold_or_cannot_be_asked_keeps_the_memory_silent(holds: bool | None):
    known = pattern()
    fresh = pattern(Status="suspected")
    said = recall.recall([known], fresh, lambda _: Checked(holds, "its check says no"))
    assert said.pattern is None
    assert "its check says no" in said.why
    assert recall.recall([known], fresh, lambda _: Checked(True, "its check holds")).pattern == known


def test_signs_are_written_and_read_back():
    sign = Sign("error", "a", "GET /x y", "Timeout\twith a tab")
    assert Sign.parse(str(sign)) == sign._replace(detail="Timeout with a tab")
    assert Sign.parse("of an older form").detail == "of an older form"
    assert Sign("latency", "a", "connect", "").words == "slow connect"
    assert Sign("network", "a", "b", "").words == "slow way from b to a"


@pytest.mark.parametrize("who", ["", " ", "lineage", "agent", "MCP claude", "bot-7", "kim\x1b[2J"])
def test_programs_do_not_decide(who: str):
    with pytest.raises(UserError, match="who"):
        reviews.person(who)


@pytest.mark.parametrize("value", ["", "x" * 2001, "run \u202efdp.exe", "a\x00b"])
def test_words_that_cannot_be_stored(value: str):
    with pytest.raises(UserError, match="resolution"):
        reviews.text(value, "resolution")


@pytest.mark.parametrize(
    ("values", "days", "reason"),
    [
        ({}, 80, ""),
        ({}, 91, "not seen for 91 days"),
        ({"CheckFailures": 3}, 1, "its check failed 3 times"),
        ({"Versions": ("1",)}, 15, "seen only in versions 1; 2 runs now"),
        ({"Versions": ("1",)}, 13, ""),
        ({"Versions": ("1", "2")}, 15, ""),
        ({"Harmless": True}, 91, ""),
        ({"Status": "suspected"}, 91, ""),
    ],
)
def test_what_goes_stale(values: dict[str, object], days: int, reason: str):
    known = pattern(last_seen=NOW, **values)
    why = staleness.why_stale(known, NOW + timedelta(days=days), {"stock": {"2"}}, 90, 14)
    assert why.startswith(reason)
    assert bool(why) == bool(reason)
