"""The judgements of an investigation: what is unusual, what moved when; and that text of telemetry does nothing."""

import random
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from otel_pipeline.detection.causes import Suspect
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate import changes, limits, metrics, onsets, skew, status
from otel_pipeline.investigate.checks import literal, next_checks
from otel_pipeline.investigate.evidence import deepest, deployed, order, with_numbers, with_regressions
from otel_pipeline.investigate.markdown import code, markdown
from otel_pipeline.investigate.model import CauseFound, Change, Deploy, Investigation, MetricMove, Onset
from otel_pipeline.investigate.path import Calls, path
from otel_pipeline.investigate.releases import compare
from otel_pipeline.investigate.skew import Tag
from otel_pipeline.investigate.text import text
from otel_pipeline.investigate.waterfall import draw, in_order

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
FOCUS = Window(NOW, NOW + timedelta(minutes=1))


def series(metric: str, middle: float, usual: float, unit: str = "", **tags: str) -> dict[str, Any]:
    """A row of investigate__series: a level in the window, against quiet times."""
    mine = [(NOW + timedelta(seconds=10 * n), "a", middle) for n in range(5)]
    known = {"Service": "s", "Metric": metric, "Attributes": tags, "Kind": "level", "Unit": unit, "Instance": "a"}
    now = {"Mine": mine, "Points": 5, "Middle": middle, "High": middle, "Top": middle, "Since": mine[0][0]}
    return {**known, **now, "UsualPoints": 60, "Before": usual, "BeforeScale": 0.1, "Lowest": usual, "Highest": usual}


@pytest.mark.parametrize(
    ("used", "limit", "tags"),
    [
        ("db.client.connection.count", "db.client.connection.max", {"state": "used"}),
        ("db_client_connections_usage", "db_client_connections_max", {"state": "used"}),
        ("hikaricp_connections_active", "hikaricp_connections_max", {}),
        ("process_open_fds", "process_max_fds", {}),
        ("jvm.memory.used", "jvm.memory.limit", {}),
        ("container.memory.usage", "container.memory.limit", {}),
    ],
)
def test_use_and_limit_are_paired_in_many_spellings(used: str, limit: str, tags: dict[str, str]):
    ceiling = series(limit, 10, 10)
    for state in ("idle", "used"):
        tagged = {**tags, "state": state} if tags else {}
        full, roomy = series(used, 10, 3, **tagged), series(used, 8, 3, **tagged)
        assert len(list(limits.exhausted([full, ceiling]))) == (0 if tags and state == "idle" else 1)
        assert not list(limits.exhausted([roomy, ceiling]))
        assert not list(limits.exhausted([series(used, 10, 10, **tagged), ceiling]))


def test_a_limit_of_another_pool_or_instance_says_nothing():
    used = series("pool.used", 10, 1, pool="read")
    assert list(limits.exhausted([used, series("pool.max", 10, 10, pool="read")]))
    assert not list(limits.exhausted([used, series("pool.max", 10, 10, pool="write")]))
    assert not list(limits.exhausted([used, {**series("pool.max", 10, 10, pool="read"), "Instance": "b"}]))
    assert not list(limits.exhausted([used, series("queue.max", 10, 10, pool="read")]))
    assert list(limits.exhausted([series("cpu.utilization", 0.97, 0.3)]))


def test_growth_is_steady_and_beyond_what_was_seen():
    assert metrics.grows([100, 110, 125, 140, 160], 105)
    assert not metrics.grows([100, 160, 90, 170, 100], 105)
    assert not metrics.grows([100, 110, 125, 140, 160], 170)
    assert not metrics.grows([100, 102, 103, 104], 100)


def test_the_first_clear_bin_is_found_and_chance_is_none():
    quiet, busy = [(20, 1)] * 30, [(20, 12)] * 10
    assert onsets.change(quiet + busy, 0.05, 0.6) == 30
    assert onsets.change(quiet, 0.05, 0.05) is None
    assert onsets.change([(20, 1), (20, 3), (20, 0)] * 10, 0.05, 0.067) is None
    assert onsets.change([], 0.05, 0.0) is None


def test_a_figure_is_unusual_only_beyond_all_that_was_seen():
    usual = [100, 104, 97, 101, 99, 103]
    assert status.figure("x", 105, usual).note == "as usual"
    assert status.figure("x", 180, usual).note == "higher than usual"
    assert status.figure("x", 40, usual).note == "lower than usual"
    assert status.figure("x", 180, [100, 300, 90, 180]).note == "as usual"
    assert status.figure("x", 180, [100]).note == "too little to compare with"


def test_a_drift_is_steady_and_a_step_or_noise_is_none():
    assert "2.1 times" in status.drift("GET /", [10 + n for n in range(12)])
    assert status.drift("GET /", [10] * 6 + [20] * 6) == ""
    assert status.drift("GET /", [10, 12, 9, 13, 10, 11, 9, 12, 10, 13, 9, 12]) == ""
    assert status.drift("GET /", [10 + n for n in range(5)]) == ""
    assert "usually 10.0%" in status.share("GET /", (400, 1000), [(100, 1000)])
    assert status.share("GET /", (105, 1000), [(100, 1000)]) == ""
    # What was seen in a quiet time is no news, though it is far from their mean.
    assert status.share("GET /", (20, 1000), [(900, 1000), (20, 1000)]) == ""
    assert status.share("GET /", (20, 1000), [(900, 1000), (880, 1000)])


def tag(key: str, value: str, traces: Iterable[int], *, distinct: int = 3, service: str = "s", told: int = 1100) -> Tag:
    """A value of an attribute; traces 1 to 100 are bad, 101 to 1100 good, and all tell the attribute."""
    return Tag(key, value, service, frozenset(traces), frozenset(range(1, told + 1)), distinct)


BAD = frozenset(range(1, 101))


def some(bad: int, good: int, first: int = 1) -> list[int]:
    """Numbers of so many bad and good traces."""
    return [*range(first, first + bad), *range(100 + first, 100 + first + good)]


def test_values_over_represented_among_the_bad_are_told_with_lift():
    (region,) = skew.tell([tag("region", "eu", some(90, 100)), tag("region", "us", some(10, 105, 91))], BAD)
    assert (region.value, region.bad, region.good, round(region.lift)) == ("eu", 90, 100, 9)
    assert not skew.tell([tag("user.id", "u7", some(12, 1), distinct=900)], BAD)
    assert skew.tell([tag("customer", "one of many", some(60, 1), distinct=900)], BAD)
    assert len(skew.tell([tag("host", "h1", some(80, 10)), tag("host.ip", "1.2.3.4", some(80, 10))], BAD)) == 1


@pytest.mark.parametrize("pods", [2, 3, 5])
def test_several_pods_of_twelve_are_one_finding(pods: int):
    def of(number: int) -> list[int]:  # each pod serves a twelfth of the good; the bad are of some pods
        return [*(n for n in range(1, 97) if n % pods == number), *(n for n in range(101, 1101) if n % 12 == number)]

    tags = [tag("k8s.pod.name", f"p{n}", of(n), distinct=12) for n in range(12)]
    (found,) = skew.tell(tags, BAD)
    assert found.terms == (("k8s.pod.name", tuple(f"p{n}" for n in range(pods))),)
    assert (found.bad, found.of_bad) == (96, 100)
    even = [tag("k8s.pod.name", f"p{n}", [t for t in range(1, 1101) if t % 12 == n], distinct=12) for n in range(12)]
    assert skew.tell(even, BAD) == [], "every pod has its share"


@pytest.mark.parametrize(
    ("one", "other"),
    [("tier=enterprise", "cache.hit=false"), ("region=ap", "app.version=3"), ("device=tv", "codec=av1")],
)
def test_two_values_that_only_together_go_wrong_are_a_pair(one: str, other: str):
    bad = range(1, 101)
    left = tag(*one.split("="), [*bad, *range(101, 500)])
    right = tag(*other.split("="), [*bad, *range(450, 900)])
    (first, *rest) = skew.tell([left, right, tag("noise", "1", some(34, 330))], BAD)
    assert set(first.words.split(" AND ")) == {one, other}
    assert (first.bad, first.good) == (100, 50)
    assert not rest
    alone = skew.tell([tag("tier", "enterprise", [*bad, *range(101, 200)]), tag("os", "any", range(1, 1000))], BAD)
    assert [found.words for found in alone] == ["tier=enterprise"], "what all have adds nothing"


def test_chance_is_told_by_nothing():
    rng = random.Random(7)
    for _ in range(40):
        bad = frozenset(range(1, 61))
        tags = []
        for key in range(30):
            values: dict[int, list[int]] = {}
            for trace in range(1, 601):
                values.setdefault(rng.randrange(2 + key), []).append(trace)
            tags += [tag(f"k{key}", str(v), mine, distinct=2 + key, told=600) for v, mine in values.items()]
        assert skew.tell(tags, bad) == []


def test_a_release_speaks_either_way():
    def release(lead: float) -> str:
        return deployed(Deploy("release", "s", "1", "2", NOW, lead))

    assert release(30) == "version 2 (before: 1) started 30 s before the trouble began"
    assert release(-200).endswith("3 min after the trouble had begun: so that did not cause it")
    assert release(7200) == ""


def test_metrics_and_onsets_put_only_equals_in_order():
    def cause(service: str, score: float) -> CauseFound:
        return CauseFound(service, score / 100, score, "slow")

    def ranked(*scores: float) -> list[CauseFound]:
        return [cause(name, score) for name, score in zip("abc", scores, strict=False)]

    full = [MetricMove("saturation", "b", "m", "full", 1, 9, NOW, 9)]
    late = [Onset(NOW, "b", "error", ""), Onset(NOW + timedelta(seconds=9), "a", "error", "")]
    near, far = ranked(20, 19.5, 3), ranked(20, 12, 3)
    assert [c.service for c in order(near, [], [])] == ["a", "b", "c"]
    assert [c.service for c in order(near, full, [])] == ["b", "a", "c"]
    assert [c.service for c in order(near, [], late)] == ["b", "a", "c"]
    assert [c.service for c in order(far, full, late)] == ["a", "b", "c"]
    shares = [c.confidence for c in order(near, full, [])]
    assert shares == sorted(shares, reverse=True)


def test_a_new_version_is_held_against_the_old_entry_by_entry():
    deploy = Deploy("release", "s", "1", "2", NOW, 30)

    def rows(now: dict[str, float], failed: int = 0) -> list[dict[str, Any]]:
        old = [("1", entry, 200, 0.0, 1) for entry in now]
        new = [("2", entry, 40, later, failed) for entry, later in now.items()]
        names = ("Version", "Entry", "Visits", "Middle", "Failed")
        return [{**dict(zip(names, row, strict=True)), "Deviation": 0.4} for row in [*old, *new]]

    worse = compare(deploy, rows({"GET /a": 2.3, "GET /b": 0.0, "GET /c": 0.1}))
    assert [w.what for w in worse] == ["GET /a takes 10.0 times as long in 2 as in 1 (40 against 200 visits)"]
    assert not compare(deploy, rows({"GET /a": 2.3, "GET /b": 2.2, "GET /c": 2.3}))  # all of it: the machine
    assert not compare(deploy, rows({"GET /a": 0.3, "GET /b": 0.0}))
    assert "50% of GET /a fail in 2" in compare(deploy, rows({"GET /a": 0.0}, failed=20))[0].what
    first = with_regressions([CauseFound("t", 0.9, 3.0, "x"), CauseFound("s", 0.1, 1.0, "y")], worse, decide=True)
    assert [c.service for c in first] == ["s", "t"]
    assert first[0].why == worse[0].what


HOSTILE = "x'; DROP TABLE otel_logs; -- `rm -rf /` $(reboot) \x1b[2J\n# Ignore all [this](http://e.vil)<script>|"


def test_hostile_text_does_nothing_anywhere():
    top = CauseFound(HOSTILE, 1.0, 9.0, HOSTILE, [HOSTILE])
    moved = [MetricMove("queue", HOSTILE, HOSTILE, HOSTILE, 0, 9, NOW, 9)]
    change = Change("new log line", HOSTILE, HOSTILE, 0, 1)
    checks = next_checks(FOCUS, top, examples=["ab; reboot"], changes=[change], metrics=moved)
    for check in checks:
        assert "\n" not in check
        assert "\x1b" not in check
        if check.startswith("otel-pipeline"):
            words = shlex.split(check)
            assert not {";", "&&", "reboot", "DROP"} & set(words)
    assert literal("a'b\\") == "'a\\'b\\\\'"
    found = Investigation(FOCUS, "trouble", HOSTILE, FOCUS, traces=9, causes=[top], metrics=moved, changes=[change])
    report = text(found)
    assert "\x1b" not in report
    assert report.splitlines()[0].startswith("TROUBLE: ")
    assert [line[:9] for line in report.splitlines()].count("# Ignore ") == 0
    assert "\n# Ignore" not in markdown(found)
    assert code(HOSTILE).count("`") == 2
    assert "|" not in code(HOSTILE)


def test_a_waterfall_stands_whatever_the_spans_say():
    def span(name: str, parent: str, service: str = "s") -> dict[str, Any]:
        known = {"SpanId": name, "ParentSpanId": parent, "Service": service, "Operation": HOSTILE}
        return {**known, "Timestamp": NOW, "Duration": 10**6, "Failed": True, "StatusMessage": HOSTILE}

    rows = [span("a", ""), span("b", "a"), span("c", "lost"), span("d", "d"), span("b2", "b")]
    assert [(row["SpanId"], depth) for row, depth in in_order(rows)] == [
        ("a", 0), ("b", 1), ("b2", 2), ("c", 0), ("d", 0)
    ]  # fmt: skip
    picture = draw("t", rows)
    assert "<script" not in picture
    assert "&lt;script" in picture
    assert "\x1b" not in picture
    assert "more spans" in draw("t", [span(str(n), "") for n in range(100)])


def suspect(service: str, conduct: float, odd: int = 100) -> Suspect:
    """A service that behaves oddly in some of its visits."""
    return Suspect(service, conduct, conduct, 0.0, 0.0, 120, odd, 1.0, 1.0)


CALLS = Calls({"edge": ["shop"], "shop": ["pay", "stock"]}, {("shop", "stock"): 90, ("shop", "pay"): 3})


def test_who_did_not_answer_comes_before_who_called_in_vain():
    def first(stock: float, flooded: set[str] = frozenset()) -> str:  # pyright: ignore[reportArgumentType]
        suspects = [suspect("shop", 40), suspect("stock", stock), suspect("pay", 30)]
        ranked = [CauseFound(s.service, 0.5, s.score, "odd") for s in sorted(suspects, key=lambda s: -s.score)]
        return deepest(ranked, suspects, [], CALLS, flooded)[0].service

    assert first(38) == "stock"
    assert first(38, {"stock"}) == "shop"
    assert first(5) == "shop"  # hardly odd: it was given up too early


def test_who_says_something_else_comes_before_who_behaves_oddly_upon_it():
    says = Change("numbers", "stock", "number 2 in what it logs: 0, usually 4967", 4967, 0)
    own = Change("numbers", "shop", "number 1 in what it logs: 0, usually 2", 2, 0)
    ranked = [CauseFound("shop", 0.9, 40, "errors"), CauseFound("stock", 0.1, 1, "")]
    suspects = [suspect("shop", 40), suspect("stock", 1)]
    found = with_numbers(ranked, suspects, CALLS, [own, says])
    assert [(c.service, c.confidence) for c in found] == [("stock", 0.9), ("shop", 0.1)]
    assert found[0].why == says.what
    assert own.what in found[1].evidence
    slow = [Suspect("shop", 40, 5, 40.0, 0.0, 120, 10, 9.0, 1.0)]
    assert with_numbers(ranked, slow, CALLS, [says])[0].service == "shop"
    assert with_numbers(ranked, suspects, CALLS, [own])[0].service == "shop"


def test_the_path_begins_at_a_root_that_depends_on_the_cause():
    entries = [{"Service": "job", "Anomalous": 9}, {"Service": "edge", "Anomalous": 5}]
    assert path(CALLS, entries, "stock") == ["edge", "shop", "stock"]
    assert path(CALLS, entries, "nowhere") == ["nowhere"]


def test_errors_never_logged_before_are_trouble_but_not_those_of_jobs():
    def of(asked: int, before: int = 0, severity: int = 17) -> set[str]:
        line = {"Service": "pay", "Severity": severity, "Now": 12, "Before": before, "Asked": asked}
        return changes.broke(changes.Counted([{"Service": "pay", "Now": 100, "Before": 900}], [line]))

    assert of(12) == {"pay"}
    assert of(0) == of(3) == of(12, before=90) == of(12, severity=9) == set()
