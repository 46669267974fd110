"""The load's arithmetic: shares of traffic, waves of faults, journeys that a seed repeats."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from load import bombs
from load.faults import FaultControl, FaultRecord
from load.journeys import JOURNEYS, Step, journey
from load.memory import Samples
from load.mix import SHARES, Mix, customer
from load.scenarios import SCENARIOS, scenario
from load.shapes import users
from load.timetable import Faults, rounds, timetable
from load.waves import FaultWaves, plan
from otel_pipeline.errors import UserError
from otel_pipeline.settings import load
from sample_app.config import SERVICES
from sample_app.matrix import EDGES, MATRIX


def steps(kind: str, seed: int) -> list[Step]:
    """All steps of one journey, with an order in every answer."""
    rng = random.Random(seed)
    walk, found = journey(kind, customer(rng), rng), []
    try:
        step = next(walk)
        while True:
            found.append(step)
            step = walk.send({"order_id": "ord-1"})
    except StopIteration:
        return found


def test_mix_holds_its_shares_though_some_kinds_ask_more_often() -> None:
    mix, rng = Mix(users=Counter(SHARES.keys())), random.Random(1)
    while mix.total < 5_000:
        kind = rng.choice(["normal", "normal", "error", "anomalous", "edge"])  # far from the shares
        if mix.may_send(kind):
            mix.count(kind)
    for kind, share in SHARES.items():
        assert mix.shares()[kind] == pytest.approx(100 * share, abs=1)


def test_a_kind_without_customers_holds_nobody_back() -> None:
    mix = Mix(users=Counter(normal=6, error=1))
    for number in range(1_000):
        kind = "normal" if number % 2 else "error"
        kind = kind if mix.may_send(kind) else "error" if kind == "normal" else "normal"
        assert mix.may_send(kind)
        mix.count(kind)


def test_waves_last_for_their_share_of_a_cycle_with_quiet_between() -> None:
    settings = load(load_fault_cycle=2_000, load_payment_timeout_pct=5, load_cascade_failure_pct=2)
    waves = plan(settings)
    assert [(w.scenario, w.length) for w in waves] == [
        ("payment_timeout", 100),
        ("cascade_failure", 40),
        ("intermittent_error", 60),
    ]
    ends = [0, *(w.first + w.length for w in waves)]
    assert all(w.first - end > 100 for w, end in zip(waves, ends, strict=False))
    assert ends[-1] < 2_000


class Recorder(FaultControl):
    """Keeps what would be switched; the shop itself is not what is tested here."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1")
        self.calls: list[str] = []

    def start(self, name: str, **parameters: Any) -> FaultRecord:
        self.calls.append(f"{name} on")
        return FaultRecord(name, "", "", {}, datetime.now(UTC))

    def stop(self, record: FaultRecord) -> FaultRecord:
        self.calls.append(f"{record.scenario} off")
        return record


def test_each_scenario_comes_once_a_cycle_for_its_share_of_requests() -> None:
    mix, control, said = Mix(), Recorder(), []
    waves = FaultWaves(load(load_fault_cycle=1_000), control, mix, said.append)
    for _ in range(2_000):
        waves.step()
        mix.count("normal")
    assert mix.during == {"payment_timeout": 100, "cascade_failure": 40, "intermittent_error": 60}
    names = ("payment_timeout", "cascade_failure", "intermittent_error")
    assert control.calls == [f"{name} {way}" for name in names for way in ("on", "off")] * 2


def test_a_share_of_zero_makes_no_wave() -> None:
    assert "cascade_failure" not in {w.scenario for w in plan(load(load_cascade_failure_pct=0))}


@pytest.mark.parametrize("kind", SHARES)
def test_the_same_seed_makes_the_same_journey(kind: str) -> None:
    assert [steps(kind, n) for n in range(20)] == [steps(kind, n) for n in range(20)]
    assert steps(kind, 1) != steps(kind, 2)


@pytest.mark.parametrize("kind", SHARES)
def test_every_journey_of_a_kind_is_taken(kind: str) -> None:
    rng = random.Random(3)
    taken = Counter(journey(kind, customer(rng), rng).__name__ for _ in range(300))
    assert set(taken) == {maker.__name__ for maker, _ in JOURNEYS[kind]}


def test_headers_of_customers_are_ascii() -> None:
    rng = random.Random(5)
    for _ in range(50):
        assert all(value.isascii() and value for value in customer(rng).headers.values())


def test_every_scenario_names_services_of_the_shop() -> None:
    for found in SCENARIOS:
        assert found.switch in SERVICES
        assert found.service in (*SERVICES, "")
        assert scenario(found.name) is found


def test_an_unknown_scenario_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="no scenario meteor; there are payment_timeout"):
        FaultControl("http://127.0.0.1:1").start("meteor")


def test_a_shop_that_does_not_run_is_a_clear_error() -> None:
    with pytest.raises(UserError, match="is the shop running"):
        FaultControl("http://127.0.0.1:1").start("payment_timeout")


def test_the_matrix_knows_every_service_and_its_edges_are_routes() -> None:
    assert tuple(MATRIX) == SERVICES
    for caller, callee, route in EDGES:
        assert caller in MATRIX
        assert route in MATRIX[callee].routes


def test_the_shapes_of_the_load() -> None:
    assert [users("day", 20, at) for at in (0, 150, 300, 450, 600)] == [6, 20, 34, 20, 6]
    assert [users("spike", 20, at) for at in (0, 59, 60, 89, 90, 240)] == [20, 20, 60, 60, 20, 60]
    assert users("waves", 20, 1_000) == 20
    assert users("day", 1, 0) == 4


def test_a_soak_of_half_an_hour_has_room_for_every_fault_with_quiet_around_each() -> None:
    slots = timetable(1_800)
    assert [slot.scenario for slot in slots] == [s.name for s in SCENARIOS]
    assert slots[0].start >= 300
    ends = [*(slot.start for slot in slots[1:]), 1_800]
    assert all(slot.end - slot.start >= 50 and end - slot.end >= 50 for slot, end in zip(slots, ends, strict=True))


def test_in_further_rounds_every_fault_comes_again_in_another_order() -> None:
    names = [s.name for s in rounds(3)]
    first, second, third = names[:11], names[11:22], names[22:]
    assert first == [s.name for s in SCENARIOS]
    assert sorted(first) == sorted(second) == sorted(third)
    assert first != second != third
    assert rounds(3) == rounds(3)
    assert len(timetable(3_600, rounds(2))) == 22


def test_a_short_soak_breaks_what_fits_and_a_shorter_one_nothing() -> None:
    assert 0 < len(timetable(360)) < len(SCENARIOS)
    assert timetable(120) == ()


def test_a_timetable_switches_on_and_off() -> None:
    control, said = Recorder(), []
    with Faults(timetable(360)[:2], control, said.append) as faults:
        for second in range(240):
            faults.step(second)
    assert control.calls == [f"{s.name} {way}" for s in SCENARIOS[:2] for way in ("on", "off")]
    assert said == control.calls


@pytest.mark.parametrize(
    ("mb_of", "flat"),
    [
        (lambda at: 100.0, True),
        (lambda at: 100 + 60.0 * (at % 200 < 30), True),  # a fault now and then
        (lambda at: 100 + 80.0 * (at < 200), True),  # settles
        (lambda at: 100 + at / 50, False),  # 36 MB in half an hour
    ],
)
def test_memory_is_flat_or_grows(mb_of: Callable[[float], float], flat: bool) -> None:
    samples = Samples()
    for at in range(0, 1_800, 15):
        samples.add(at, mb_of(at))
    assert samples.long_enough
    assert samples.flat is flat


def test_the_honest_client_beside_bombs_is_answered_in_time_and_loses_nothing() -> None:
    good = {"acknowledged": 100, "refused": 0, "p50_ms": 2.0, "p99_ms": 249.0, "most_ms": 900, "stored": 100}
    assert bombs.complaints({"honest": good}) == []
    for change, said in (({"p99_ms": 251.0}, "251 ms"), ({"refused": 1}, "refused"), ({"stored": 99}, "99 are stored")):
        (complaint,) = bombs.complaints({"honest": good | change})
        assert said in complaint
