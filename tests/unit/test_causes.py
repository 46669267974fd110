"""Whom to blame."""

from otel_pipeline.detection import causes, oddities
from otel_pipeline.detection.causes import Evidence, Suspect
from otel_pipeline.detection.changes import Change
from otel_pipeline.detection.timing import Course

WINDOWS = 6
USUAL = 14.0  # ln of a millisecond in nanoseconds, or so


def test_the_deepest_odd_service_is_blamed_on_every_path():
    calls = [("edge", "cart"), ("edge", "pay"), ("pay", "stock"), ("cart", "stock")]
    assert oddities.deepest(["edge", "pay", "stock"], calls) == ["stock"]
    assert oddities.deepest(["cart", "pay"], calls) == ["cart", "pay"]
    assert oddities.deepest(["edge"], calls) == ["edge"]


def test_a_cycle_of_calls_ends_and_blames_both():
    assert oddities.deepest(["a", "b"], [("a", "b"), ("b", "a")]) == []


def course(longer: float = 0.0) -> Course:
    """Thirty observations in each window; in the first one longer by so much in ln."""
    return Course({w: (30, USUAL + 0.02 * (w % 2) + (longer if w == 0 else 0)) for w in range(WINDOWS)}, spread=0.3)


def evidence(
    blamed: dict[str, dict[int, int]],
    ways: dict[tuple[str, str], Course] | None = None,
    times: dict[str, Course] | None = None,
) -> Evidence:
    """Six windows of 50 visits to each service."""
    return Evidence(
        windows=WINDOWS,
        visits={s: dict.fromkeys(range(WINDOWS), 50) for s in blamed},
        blamed=blamed,
        times={(service, 1): course for service, course in (times or {}).items()},
        ways={(caller, callee, "call"): course for (caller, callee), course in (ways or {}).items()},
    )


def ranked(found: Evidence) -> list[causes.Suspect]:
    """The ranking for the first window."""
    return causes.rank(found, 0, range(1, WINDOWS))


def test_what_is_odd_in_all_windows_is_not_to_blame():
    noisy, quiet = dict.fromkeys(range(WINDOWS), 20), {0: 15}
    ranking = ranked(evidence({"noisy": noisy, "broken": quiet}))
    assert [s.service for s in ranking] == ["broken", "noisy"]
    assert ranking[0].score > 5
    assert ranking[1].score < 1


def test_the_same_fault_in_other_windows_hides_nothing():
    ranking = ranked(evidence({"noisy": dict.fromkeys(range(WINDOWS), 3), "broken": {0: 15, 3: 20, 5: 9}}))
    assert ranking[0].service == "broken"
    assert ranking[0].score > 5


def test_a_callee_goes_before_the_caller_that_it_cannot_be_told_apart_from():
    blamed = {"caller": {0: 9}, "callee": {0: 8}}
    way = {("caller", "callee"): course()}
    assert ranked(evidence(blamed))[0].service == "caller"
    assert ranked(evidence(blamed, way))[0].service == "callee"
    far = {"caller": {0: 30}, "callee": {0: 8}}
    assert ranked(evidence(far, way))[0].service == "caller"


def test_where_both_are_slow_beyond_doubt_the_callee_goes_before_a_caller_that_is_slower_still():
    def first(caller: float, callee: float, kind: str = "self") -> str:
        changed = {"caller": Change(caller, kind, "do", 5.0), "callee": Change(callee, "self_slow", "do", 5.0)}
        suspects = [Suspect(s, c.score, 0, 0, 0, 50, 0, 1.0, 1.0, change=c) for s, c in changed.items()]
        return causes.callees_first(suspects, {"callee": {"caller"}})[0].service

    assert first(30.0, 17.0) == "callee"
    assert first(30.0, 9.0) == "caller", "it may be a slow day"
    assert first(30.0, 17.0, "form") == "caller", "nothing waits there"


def network(*slow: tuple[str, str]) -> dict[tuple[str, str], Course]:
    """An edge that calls two services, of which one calls two more."""
    calls = [("edge", "cart"), ("edge", "pay"), ("pay", "bank"), ("pay", "mail")]
    return {call: course(1.0 if call in slow else 0.0) for call in calls}


def test_a_slow_network_is_blamed_where_the_slow_ways_meet():
    nobody: dict[str, dict[int, int]] = {name: {} for name in ("edge", "cart", "pay", "bank", "mail")}
    all_of_pay = network(("edge", "pay"), ("pay", "bank"), ("pay", "mail"))
    assert ranked(evidence(nobody, all_of_pay))[0].service == "pay"
    assert ranked(evidence(nobody, network(("pay", "bank"))))[0].service == "bank"
    assert ranked(evidence(nobody, network(("edge", "cart"), ("edge", "pay"))))[0].service == "edge"


def test_slow_work_of_a_caller_explains_its_slow_calls():
    nobody: dict[str, dict[int, int]] = {name: {} for name in ("edge", "cart", "pay", "bank", "mail")}
    busy = evidence(nobody, network(("pay", "bank")), {"pay": course(1.0)})
    assert ranked(busy)[0].service == "pay"


def odd(patterns: oddities.Patterns, operations: dict[tuple[str, int], frozenset[str]]) -> list[oddities.Odd]:
    """Odd patterns of three windows, each compared with the other two."""
    return oddities.find(patterns, operations, [[1, 2], [0, 2], [0, 1]])


def test_a_pattern_is_odd_only_where_it_is_clearly_more_frequent():
    patterns = {("s", 1): {7: {0: 30, 1: 30, 2: 30}, 8: {0: 10}, 9: {0: 1}}}
    assert odd(patterns, {("s", 1): frozenset({"GET"})}) == [(1, "s", 1, 8)]


def test_an_entry_that_is_new_is_compared_with_its_kin():
    patterns = {("s", 1): {7: {1: 30, 2: 30}}, ("s", 2): {8: {0: 30}}}
    kin = {("s", 1): frozenset({"reserve", "commit"}), ("s", 2): frozenset({"reserve"})}
    assert odd(patterns, kin) == [(1, "s", 2, 8)]
    assert odd(patterns, {**kin, ("s", 2): frozenset({"another"})}) == []
