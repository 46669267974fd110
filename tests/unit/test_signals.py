"""When log lines, traffic and metrics tell of trouble: few false alarms in quiet days, little missed."""

import math
from collections import Counter

import pytest

from otel_pipeline.detection.signals import counts, lines, silence
from tests.support.log_systems import LogSystem
from tests.support.traffic_systems import quiet_day

DAY = 1440
LOOKED = math.log10(DAY * 20)


def test_a_cluster_is_less_surprising_than_as_many_single_lines() -> None:
    assert counts.as_many(30, 0.1, 8.0) < counts.as_many(30, 0.1, 1.5)
    assert counts.as_many(30, 0.1, 8.0) < counts.as_many(60, 0.1, 8.0)
    assert counts.as_many(3, 5.0, 2.0) == 0.0
    assert counts.as_few(0, 100.0, 1.5) > counts.as_few(0, 100.0, 8.0) > counts.as_few(20, 100.0, 8.0) > 0
    assert counts.as_few(7, 5.0, 2.0) == 0.0


@pytest.mark.parametrize(("k", "mean", "spread"), [(12, 3.0, 2.0), (40, 5.0, 8.0), (6, 0.2, 4.0)])
def test_the_chance_is_that_of_the_negative_binomial(k: int, mean: float, spread: float) -> None:
    size, kept = mean / (spread - 1), (spread - 1) / spread
    terms = [
        math.exp(math.lgamma(j + size) - math.lgamma(j + 1) - math.lgamma(size)) * spread**-size * kept**j
        for j in range(2000)
    ]
    assert sum(terms) == pytest.approx(1.0)
    exact = -math.log10(sum(terms[k:]))
    assert exact - 0.35 <= counts.as_many(k, mean, spread) <= exact + 0.001


def test_spread_sees_clusters_that_blocks_hold() -> None:
    even, slow = counts.Spread(1.0), counts.Spread(1.0)
    for n in range(100):
        even.add(4)
        slow.add(8 if n // 5 % 2 else 0)
    assert even.value() == 1.0
    assert slow.value() > 15


def bursts(system: LogSystem) -> dict[tuple[str, str], list[lines.Burst]]:
    """What is found on the second day."""
    courses = system.summed()
    looked = math.log10(DAY * len(courses))
    found: dict[tuple[str, str], list[lines.Burst]] = {}
    for (service, kind, template), course in courses.items():
        mine = [b for b in lines.scan(course, system.of(service), kind, looked) if b.start >= DAY]
        mine = [b for b in mine if not template or not lines.reworded(b, courses[service, kind, 0])]
        found.setdefault((service, kind), []).extend(mine)
    return found


def test_quiet_days_of_logs_are_quiet() -> None:
    seeds = range(300, 306)
    false = sum(bool(mine) for seed in seeds for mine in bursts(LogSystem(seed)).values())
    assert false <= 0.34 * len(seeds)


@pytest.mark.parametrize(
    ("minutes", "per_minute", "templates"),
    [(4, 180.0, 1), (4, 12.0, 1), (5, 5.0, 1), (4, 20.0, 8), (2, 60.0, 1)],
    ids=["a flood", "a dozen", "a few", "in many wordings", "short"],
)
def test_errors_that_begin_are_found(minutes: int, per_minute: float, templates: int) -> None:
    found = 0
    for seed in range(310, 313):
        system = LogSystem(seed)
        service, at = system.services[0], DAY + 700
        system.trouble(service, at, minutes, per_minute, templates=templates)
        mine = bursts(system)[service, "error"]
        found += any(abs(b.start - at) <= 2 and b.end > at for b in mine)
    assert found == 3


def course(usual: float = 0.0, **at: int) -> dict[int, int]:
    """Two days of a service with a line each minute."""
    rows = {minute: round(usual) for minute in range(2 * DAY)}
    return rows | {int(minute.lstrip("m")): n for minute, n in at.items()}


WHOLE = dict.fromkeys(range(2 * DAY), 20)


def test_what_is_always_there_is_no_news() -> None:
    assert lines.scan(course(20.0), WHOLE, "error", LOOKED) == []


def test_one_cluster_is_none_but_lasting_errors_are() -> None:
    assert lines.scan(course(m2000=9, m2001=6), WHOLE, "error", LOOKED) == []
    (burst,) = lines.scan(course(m2000=4, m2001=4, m2002=4, m2003=4, m2004=4), WHOLE, "error", LOOKED)
    assert (burst.start, burst.end, burst.lines) == (2000, 2005, 20)


def test_a_job_that_complains_every_hour_or_every_night_is_no_news() -> None:
    hourly = dict.fromkeys(range(37, 2 * DAY, 60), 60)
    found = lines.scan(course() | hourly, WHOLE, "error", LOOKED)
    assert [b.start for b in found if b.start >= 240] == []
    nightly = course(m900=80, m2342=70)
    assert [b.start for b in lines.scan(nightly, WHOLE, "error", LOOKED)] == [900]


def test_the_same_trouble_twice_is_found_twice() -> None:
    found = lines.scan(course(m1700=80, m1701=90, m2011=85, m2012=80), WHOLE, "error", LOOKED)
    assert [b.start for b in found] == [1700, 2011]


def test_more_traffic_brings_more_of_the_same_errors() -> None:
    rush = range(2000, 2010)
    busy = WHOLE | dict.fromkeys(rush, 400)
    background = course(5.0) | dict.fromkeys(rush, 100)
    assert lines.scan(background, busy, "error", LOOKED) == []
    assert lines.scan(background, WHOLE, "error", LOOKED)


def test_the_same_in_other_words_is_no_news() -> None:
    old = Counter(dict.fromkeys(range(2000), 30))
    new = Counter(dict.fromkeys(range(2000, 2 * DAY), 30))
    (burst,) = lines.scan(new, WHOLE, "error", LOOKED)
    assert lines.reworded(burst, old + new)
    assert not lines.reworded(burst, new)


def test_a_service_without_a_past_is_not_judged() -> None:
    young = dict.fromkeys(range(8), 50)
    assert lines.scan(young, young, "error", LOOKED) == []


def gaps(rows: Counter[int], kind: str = "traffic") -> list[silence.Gap]:
    return silence.gaps(rows, DAY, kind, LOOKED)


def without(rows: Counter[int], begin: int, end: int, left: float = 0.0) -> Counter[int]:
    return Counter({m: round(n * left) if begin <= m < end else n for m, n in rows.items()})


@pytest.mark.parametrize("kind", ["traffic", "lines"])
def test_quiet_days_of_traffic_are_quiet(kind: str) -> None:
    seeds = range(320, 330)
    false = [gap for seed in seeds for rows in quiet_day(seed).values() for gap in gaps(rows, kind)]
    assert len(false) <= 0.4 * len(seeds)


@pytest.mark.parametrize("minutes", [2, 4, 15])
def test_even_traffic_that_ends_is_found(minutes: int) -> None:
    found = asked = 0
    for seed in range(330, 342):
        for name, rows in quiet_day(seed).items():
            if name.startswith(("steady", "lulls")) and sum(rows[m] for m in range(690, 700)) >= 100:
                silent = gaps(without(rows, 700, 700 + minutes))
                found += any(g.start <= 701 and g.end >= 700 + minutes - 1 for g in silent)
                asked += 1
    assert asked >= 10
    assert found >= 0.75 * asked


EVEN = Counter({minute: 60 + minute % 7 for minute in range(DAY)})


def test_a_silence_has_its_beginning_and_its_end() -> None:
    (gap,) = gaps(without(EVEN, 700, 704))
    assert (gap.start, gap.end, gap.observed) == (700, 704, 0)
    assert gap.rate == pytest.approx(63, abs=1)
    (fall,) = gaps(without(EVEN, 700, 720, left=0.1))
    assert (fall.start, fall.end) == (700, 720)


@pytest.mark.parametrize(
    "rows",
    [
        EVEN,
        without(EVEN, 700, 720, left=0.6),
        without(EVEN, 700, 701),
        Counter({minute: int(60 * 0.98 ** max(0, minute - 600)) for minute in range(DAY)}),
        Counter({minute: 60 for minute in range(DAY) if minute % 30 < 6}),
        Counter(dict.fromkeys(range(0, DAY, 9), 1)),
    ],
    ids=["as ever", "somewhat less", "a moment", "dwindling", "batches", "seldom"],
)
def test_what_is_no_silence(rows: Counter[int]) -> None:
    assert gaps(rows) == []
