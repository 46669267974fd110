"""Judgements of an investigation over plain rows: new errors, troubles apart, lines outside traces, endpoints, cost;
and that no report contradicts itself.
"""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otel_pipeline.detection.causes import Suspect
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate import changes, cost, gather, lone, novel, status, troubles
from otel_pipeline.investigate.consistent import consistent, contradictions
from otel_pipeline.investigate.evidence import names, new_errors_first, repeated, weak
from otel_pipeline.investigate.gather import Asked, belongs
from otel_pipeline.investigate.markdown import markdown
from otel_pipeline.investigate.model import (
    CauseFound,
    Change,
    IncidentSeen,
    Investigation,
    MetricMove,
    Onset,
    RuledOut,
)
from otel_pipeline.investigate.mutual import Mutual
from otel_pipeline.investigate.novel import Novel
from otel_pipeline.investigate.path import Calls
from otel_pipeline.investigate.recurrence import alike
from otel_pipeline.investigate.text import text

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
FOCUS = Window(NOW, NOW + timedelta(minutes=10))


def new_errors(
    traces: int, visits: int, before: int, *, singles: int = 0, failing: int = 0, failed: int = 0
) -> list[Novel]:
    """What is told of a service with so many traces with new errors."""
    row = {
        "Service": "ledger",
        "Visits": visits,
        "VisitsBefore": before,
        "Failing": failing or traces,
        "FailingBefore": failed,
        "Traces": traces,
        "Singles": singles,
        "Times": [NOW.timestamp() + 10 * n for n in range(failing or traces)],
        "Examples": ["t1"],
        "Endpoints": [("edge POST /book", traces)],
        "Said": [("JournalError: bad page", traces)],
        "Peers": [],
        "Inside": [],
    }
    return novel.tell([row])


def test_new_errors_count_however_few_as_long_as_chance_brings_fewer():
    (found,) = new_errors(12, 4000, 8000)
    assert found.new
    assert "12 of 4000 requests" in found.words
    assert new_errors(40, 4000, 8000), "thin: one in a hundred"
    assert not new_errors(3, 4000, 8000), "too few"
    assert not new_errors(12, 4000, 8000, singles=30, failed=30), "this service says something new all the time"
    assert not new_errors(12, 4000, 20), "hardly any traffic to know it by"


def test_known_errors_count_where_they_came_far_more_often():
    (found,) = new_errors(0, 1000, 8000, failing=120, failed=16)
    assert not found.new
    assert "12.0% of its requests" in found.words
    assert not new_errors(0, 1000, 8000, failing=6, failed=16)
    assert not new_errors(0, 1000, 8000, failing=60, failed=300)


def test_strays_do_not_move_the_beginning_of_a_trouble():
    dense = [1000.0 + 5 * n for n in range(30)]
    assert novel.dense(dense) == (1000.0, 1145.0)
    assert novel.dense([100.0, *dense, 3000.0]) == (1000.0, 1145.0)
    assert novel.dense([7.0]) == (7.0, 7.0)


def incident(
    name: str, service: str, start: float, end: float, *, anomalous: int = 20, surprise: float = 10
) -> IncidentSeen:
    """Minutes after NOW."""
    times = (NOW + timedelta(minutes=start), NOW + timedelta(minutes=end))
    return IncidentSeen(
        name, *times, service, f"{service}: slow", anomalous, 100, (service,), surprise, ("edge:GET /a",)
    )


def errors_at(service: str, start: float, end: float, inside: tuple[int, ...] = (), surprise: float = 50) -> Novel:
    """New errors, minutes after NOW."""
    times = (NOW + timedelta(minutes=start), NOW + timedelta(minutes=end))
    return Novel(service, 40, 400, 40, 0.001, *times, surprise, inside=inside)


def test_incidents_of_one_service_are_one_trouble_and_of_two_are_two():
    mine = [incident("a", "rooms", 0, 2, surprise=30), incident("b", "rooms", 3, 4), incident("c", "users", 1, 2)]
    first, second = troubles.troubles(mine, mine, [])
    assert (first.service, first.focus) == ("rooms", Window(NOW, NOW + timedelta(minutes=4)))
    assert (second.service, [i.incident_id for i in second.seen]) == ("users", ["c"])
    far = [incident("a", "rooms", 0, 2), incident("b", "rooms", 60, 61)]
    assert troubles.troubles(far, far, [])[0].focus.end == NOW + timedelta(minutes=2)


def test_an_incident_belongs_to_the_service_at_which_its_new_errors_begin():
    mine = [incident("a", "booking", 1, 2, anomalous=6)]
    (found,) = troubles.troubles(mine, mine, [errors_at("ledger", 0, 8, inside=(6,))])
    assert (found.service, found.focus.start, found.focus.end) == ("ledger", NOW, errors_at("ledger", 0, 8).window.end)
    few = troubles.troubles(mine, mine, [errors_at("ledger", 0, 8, inside=(1,))])
    assert {trouble.service for trouble in few} == {"ledger", "booking"}


def test_new_errors_of_an_incident_that_is_no_news_are_none():
    mine = [incident("a", "batch", 0, 5)]
    assert troubles.troubles(mine, [], [errors_at("batch", 0, 5, inside=(40,))]) == []
    assert len(troubles.troubles(mine, [], [errors_at("batch", 0, 9, inside=(5,))])) == 1


@pytest.mark.parametrize(
    ("both", "own"),
    [(0, True), (30, True), (80, False)],
)
def test_who_behaves_badly_in_other_traces_has_a_trouble_of_its_own(both: int, own: bool):
    counts = {("a", "a"): 200, ("b", "b"): 100, ("a", "b"): both, ("b", "a"): both}
    assert (Mutual(1000, counts).apart(["a"], ["b"]) == ["b"]) is own


def test_what_is_bad_everywhere_explains_nothing():
    counts = {("a", "a"): 950, ("b", "b"): 100, ("a", "b"): 95, ("b", "a"): 95}
    assert Mutual(1000, counts).apart(["a"], ["b"]) == ["b"]
    assert Mutual(1000, {("a", "a"): 900, ("b", "b"): 3}).apart(["a"], ["b"]) == [], "too few to be anything"


CALLS = Calls({"edge": ["booking"], "booking": ["ledger", "rooms"]})


def test_new_errors_come_first_unless_who_is_called_is_bad_in_the_same_traces():
    ranked = [CauseFound("booking", 0.7, 40, "odd"), CauseFound("rooms", 0.3, 20, "slow")]
    told = {"ledger": errors_at("ledger", 0, 5)}
    first = new_errors_first(ranked, "ledger", told, CALLS, Mutual())[0]
    assert (first.service, first.why) == ("ledger", told["ledger"].words)
    fails_upon = {"booking": errors_at("booking", 0, 5)}
    same = Mutual(1000, {("booking", "booking"): 50, ("rooms", "rooms"): 60, ("booking", "rooms"): 45})
    assert new_errors_first(ranked, "booking", fails_upon, CALLS, same)[0].service == "rooms"
    apart = Mutual(1000, {("booking", "booking"): 50, ("rooms", "rooms"): 60, ("booking", "rooms"): 2})
    assert new_errors_first(ranked, "booking", fails_upon, CALLS, apart)[0].service == "booking"


def test_a_trace_belongs_to_an_incident_by_what_it_is_and_not_by_its_time():
    mine = incident("a", "rooms", 0, 2)
    at = NOW + timedelta(minutes=1)
    assert belongs(Asked("t", at, "edge:GET /a", True, ("rooms",)), mine)
    assert not belongs(Asked("t", at, "edge:GET /b", True, ("rooms",)), mine), "another operation"
    assert not belongs(Asked("t", at, "edge:GET /a", False, ()), mine), "nothing is odd about it"
    shift = replace(mine, anomalous=95)
    assert belongs(Asked("t", at, "edge:GET /a", False, ()), shift), "nearly all traces are odd a little"
    assert not belongs(Asked("t", at, "edge:GET /b", True, ("rooms",)), shift)
    assert not belongs(Asked("t", NOW + timedelta(hours=1), "edge:GET /a", True, ("rooms",)), mine)


@pytest.mark.parametrize(
    ("now", "before", "told"), [(2.4, 1.0, True), (0.1, 1.0, True), (1.1, 1.0, False), (5, 4, False)]
)
def test_calls_made_more_or_less_often_are_told(now: float, before: float, told: bool):
    row = {"Root": "edge POST /a", "Caller": "booking", "Callee": "fraud", "TracesNow": 500, "TracesBefore": 900}
    counted = changes.Counted(calls=[{**row, "CallsNow": 500 * now, "CallsBefore": 900 * before}])
    found = changes.of(counted, FOCUS, [FOCUS])
    assert [(c.service, c.before, c.now) for c in found] == ([("booking", before, now)] if told else [])
    assert len(repeated(found, "fraud")) == len(repeated(found, "booking")) == len(found)
    assert repeated(found, "rooms") == []


def phase(traces: int, unusual: int, **reasons: int) -> dict[tuple[str, str, str], int]:
    """What was odd in a window."""
    odd = {("latency", service, "op"): count for service, count in reasons.items()}
    return {("", "", ""): traces, ("unusual", "", ""): unusual, **odd}


def test_a_job_that_shifts_all_traffic_recurs_though_hardly_a_trace_is_anomalous():
    job = phase(400, 390, rooms=3)
    assert alike(job, phase(500, 380))
    assert not alike(job, phase(500, 60)), "quiet then"
    few = phase(400, 60, rooms=50)
    assert alike(few, phase(400, 70, rooms=45))
    assert not alike(few, phase(400, 70)), "no shift: the reasons decide"


def test_where_nothing_differs_the_order_would_be_a_lottery():
    def suspect(score: float) -> Suspect:
        return Suspect("s", score, score, 0.0, 0.0, 100, 5, 1.0, 1.0)

    assert weak([suspect(1.9), suspect(0.2)])
    assert weak([])
    assert not weak([suspect(0.2), suspect(2.1)])


def lines(service: str, text: str, now: int, before: int, *, severity: int = 9, minute: float = 1) -> dict[str, Any]:
    """A row of investigate__lone."""
    at = NOW + timedelta(minutes=minute)
    known = {"Service": service, "Text": text, "Example": text, "Severity": severity}
    return {**known, "Lines": now, "Before": before, "First": at, "Last": at + timedelta(minutes=3)}


@pytest.mark.parametrize("text", ["rollout of pricing complete", "feature flag new_tax on", "v1 is deprecated: use v2"])
def test_a_new_line_outside_traces_is_told_with_its_time(text: str):
    rows = [lines("batch", "chunk <*> done", 90, 900), lines("batch", "heartbeat", 10, 100), lines("batch", text, 1, 0)]
    found = lone.tell(rows, FOCUS, quiet=100)
    assert [(line.text, line.at) for line in found.lines] == [(text, NOW + timedelta(minutes=1))]
    assert (found.errors, found.services) == ([], {"batch": (101, 0)})
    assert lone.tell(rows, FOCUS, quiet=1).lines == (), "nothing is known of quiet times"


def test_new_error_lines_outside_traces_are_trouble():
    rows = [lines("batch", "chunk <*> done", 90, 900), lines("batch", "cannot reach store", 20, 0, severity=17)]
    (found,) = lone.tell(rows, FOCUS, quiet=100).errors
    assert (found.service, found.traces) == ("batch", 20)
    assert "20 error lines outside any trace" in found.words
    usual = [lines("batch", "cannot reach store", 20, 100, severity=17)]
    assert lone.tell(usual, FOCUS, quiet=100).errors == []
    (more,) = lone.tell([lines("batch", "cannot reach store", 400, 100, severity=17)], FOCUS, quiet=100).errors
    assert more.traces == 400


def test_a_text_names_a_service_as_a_word():
    assert names("rollout of pricing revision 8 complete", "pricing")
    assert not names("repricing-job done", "pricing")
    assert names("pod pricing-7c9d started", "pricing")
    assert not names("prices of pricings", "pricing")


def piece(number: int, requests: int, failed: int, p95: float, minutes: Any = ()) -> dict[str, Any]:
    """A row of investigate__roots."""
    row = {"Service": "edge", "Operation": "GET /a", "Piece": number, "Requests": requests, "Failures": failed}
    return {**row, "WholeMs": [p95 / 2, p95, 2 * p95], "OwnMs": [1, 2, 3], "ByMinute": minutes}


def test_endpoints_are_told_with_quantiles_and_what_is_not_as_usual():
    quiet = [piece(n, 1000, 2, 40 + n) for n in range(1, 6)]
    (fine,) = status.told([piece(0, 1000, 3, 43), *quiet], FOCUS)
    assert (fine.whole, fine.own, fine.rate, fine.note) == ((21.5, 43, 86), (1, 2, 3), 100, "as usual")
    (slow,) = status.told([piece(0, 1000, 2, 130), *quiet], FOCUS)
    assert "times the highest usual" in slow.note
    (failing,) = status.told([piece(0, 1000, 90, 43), *quiet], FOCUS)
    assert "9.0% fail" in failing.note


@pytest.mark.parametrize(("failed", "slow"), [(30, 0), (0, 30), (9, 20)])
def test_a_bad_minute_is_a_blip_and_a_bad_time_is_none(failed: int, slow: int):
    def minutes(bad: int) -> list[tuple[Any, ...]]:
        return [
            (NOW + timedelta(minutes=n), 300, failed if n < bad else 0, slow if n < bad else 1, 170.0)
            for n in range(15)
        ]

    assert len(status.blips(minutes(1), 0.001)) == 1
    assert status.blips(minutes(1), 0.001)[0].startswith("08:00: ")
    assert status.blips(minutes(0), 0.001) == []
    assert status.blips(minutes(9), 0.001) == [], "that is trouble"


def template(severity: int, *, inside: int = 0, outside: int = 0, **more: Any) -> dict[str, Any]:
    """A row of cost__templates: 10 minutes of incidents, 90 without."""
    row = {"Service": "s", "Text": "t", "Rows": 90000, "Bytes": 1e7, "Severity": severity, "Present": 900, "Bits": 0.0}
    known = {"Twin": "GET /a", "Telling": 0, "LinesIn": inside, "LinesOut": outside, "MinutesIn": 10, "MinutesOut": 90}
    return {**row, **known, **more}


def advice(row: dict[str, Any], share: float = 0.2) -> str:
    """What is advised on a template."""
    return cost.line(row, share, 9000.0)[1]


def test_nothing_that_carries_information_is_advised_away():
    assert advice(template(5)) == "drop", "debugging that a span tells as well"
    assert advice(template(5, inside=500, outside=900)) == "keep", "it rises in incidents"
    assert advice(template(5, inside=5, outside=9000)) == "keep", "it falls silent in incidents"
    assert advice(template(5, inside=100, outside=900)) == "drop", "incidents change nothing"
    assert advice(template(5, Telling=1)) == advice(template(13)) == advice(template(17)) == "keep"
    assert advice(template(5), share=0.0001) == "keep", "rare"
    assert advice(template(5, Bits=0.9)) == "sample", "comes in some visits only"
    assert advice(template(9)) == "sample"
    assert advice(template(9, Bits=0.9)) == "keep"


def test_the_advice_ends_with_what_it_saves_a_day():
    rows = [template(5, Text="cache looked up"), template(9, Text="answered"), template(17, Text="cannot answer")]
    mine = cost.items(rows, cost.line, hours=1.0)
    (one,) = cost.recommend({"logs": mine}, days=24.0)
    assert one["service"] == "s"
    assert [step["event"] for step in one["steps"]] == ["cache looked up", "answered"]
    assert one["steps"][0]["words"] == "stop sending these log lines"
    assert one["steps"][0]["rows_a_day"] == 90000 * 24
    assert one["steps"][1]["words"] == "keep 1 in 50 of these log lines"
    assert one["keep"].startswith("1 templates")
    assert cost.recommend({"logs": mine[2:]}, days=24.0) == []


@pytest.mark.parametrize(("an_hour", "rate"), [(1000, 0.5), (20000, 0.1), (90000, 0.02), (9e9, 0.01)])
def test_as_much_is_kept_as_shows_a_course(an_hour: float, rate: float):
    assert cost.sampled(an_hour) == rate


SERVICES = ["edge", "booking", "ledger", "rooms", "users", "batch"]


def made_up(rng: random.Random, verdict: Any = None) -> Investigation:
    """A report with parts that know nothing of each other."""
    verdict = verdict or rng.choice(["trouble", "nothing abnormal"])

    def some(most: int = 4) -> list[str]:
        return rng.sample(SERVICES, rng.randrange(most + 1))

    at = NOW + timedelta(seconds=rng.randrange(600))
    kinds = ["errors", "latency", "traffic", "new log line", "version", "vanished log line"]
    return Investigation(
        FOCUS,
        verdict,
        "made up",
        FOCUS,
        causes=[CauseFound(s, 0.5, 9, "slow") for s in (some() or ["edge"])] if verdict == "trouble" else [],
        changes=[Change(rng.choice(kinds), s, "x", 0, 1) for s in some()],
        timeline=[Onset(at, s, rng.choice(["error", "latency", "release", "log line"]), "x") for s in some()],
        metrics=[MetricMove("queue", s, "m", "x", 0, 1, at, 9) for s in some(2)],
        ruled_out=[
            RuledOut(
                s, "but its errors pass through it", rng.choice(["service", "service", "release", "job", "incident"])
            )
            for s in some()
        ],
        affected=[RuledOut(s, "20% fail") for s in some()],
    )


@pytest.mark.parametrize("seed", range(200))
def test_no_report_contradicts_itself(seed: int):
    rng = random.Random(seed)
    found = made_up(rng)
    if found.verdict == "trouble":
        others = [made_up(rng, "trouble") for _ in range(rng.randrange(3))]
        found = Investigation(**{**found.__dict__, "others": others})
    mended = consistent(found)
    assert contradictions(mended) == []
    assert [block.causes for block in mended.blocks] == [block.causes for block in found.blocks]
    assert consistent(mended) == mended
    for told in (text(mended), markdown(mended)):
        assert told


def test_contradictions_are_seen_where_there_are_any():
    changed = {"changes": [Change("errors", "rooms", "x", 0, 1)], "ruled_out": [RuledOut("rooms", "as ever")]}
    assert contradictions(Investigation(FOCUS, "nothing abnormal", "", FOCUS, **changed))
    causes = [CauseFound("rooms", 1, 9, "slow")]
    both = Investigation(FOCUS, "trouble", "", FOCUS, causes=causes, affected=[RuledOut("rooms", "20% fail")])
    assert contradictions(both)


def test_the_state_is_the_first_word():
    words = {
        "trouble": "TROUBLE",
        "nothing abnormal": "HEALTHY",
        "not enough evidence": "UNCLEAR",
        "no data": "NO DATA",
    }
    for verdict, word in words.items():
        found = Investigation(FOCUS, verdict, "because", FOCUS)  # pyright: ignore[reportArgumentType]
        assert text(found).startswith(f"{word}: ")
        assert markdown(found).startswith(f"# {word.capitalize()}\n")
        assert found.as_dict()["state"] == word.lower()
    two = Investigation(FOCUS, "trouble", "one", FOCUS, others=[Investigation(FOCUS, "trouble", "other", FOCUS)])
    assert [line.strip() for line in text(two).splitlines()[1:3]] == ["1. one", "2. other"]
    assert [block["headline"] for block in two.as_dict()["others"]] == ["other"]


def minutes(*pairs: tuple[float, float]) -> list[Window]:
    """Windows, minutes after NOW."""
    return [Window(NOW + timedelta(minutes=a), NOW + timedelta(minutes=b)) for a, b in pairs]


def test_new_errors_are_held_against_quiet_times_before_or_else_the_beginning():
    (asked,) = minutes((30, 60))
    assert gather.quiet_before(asked, NOW, [], []) == minutes((0, 30))
    (found, later) = gather.quiet_before(asked, NOW, [incident("a", "rooms", 10, 20)], [])
    assert (found.end < NOW + timedelta(minutes=10), later.start > NOW + timedelta(minutes=20)) == (True, True)
    # The window holds all that there is: its own beginning, as long as no incident is in it.
    assert gather.quiet_before(asked, asked.start, [], []) == minutes((30, 40))
    (short,) = gather.quiet_before(asked, asked.start, [], [incident("a", "rooms", 35, 36)])
    assert short.end < NOW + timedelta(minutes=35)
    assert gather.quiet_before(asked, asked.start, [], [incident("a", "rooms", 31, 36)]) == []


def test_what_is_as_old_as_the_data_is_no_change():
    kept, ever = gather.changed([incident("a", "rooms", 2, 58), incident("b", "rooms", 20, 58)], NOW, asked_end())
    assert [i.incident_id for i in kept] == ["b"]
    assert (ever[0].kind, ever[0].service) == ("incident", "rooms")
    assert gather.changed([incident("a", "rooms", 2, 10)], NOW, asked_end())[0], "it is over"


def asked_end() -> datetime:
    """An hour after NOW."""
    return NOW + timedelta(hours=1)


def test_quiet_times_are_cut_into_enough_pieces_beside_the_window():
    (asked,) = minutes((30, 46))
    cut = gather.pieces(asked, minutes((10, 20), (20, 30), (28, 38)))
    assert len(cut) >= 6
    assert all(piece.end <= asked.start for piece in cut)
    assert all(piece.end - piece.start >= gather.LEAST_PIECE for piece in cut)
