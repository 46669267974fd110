"""What a fault's window is compared with."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from otel_pipeline.detection.model import Window
from otel_pipeline.evaluation import references
from otel_pipeline.evaluation.labelled import Case, Labelled

START = datetime(2026, 3, 1, tzinfo=UTC)


def at(start: float, end: float) -> Window:
    """A window in minutes from the start."""
    return Window(START + timedelta(minutes=start), START + timedelta(minutes=end))


def found(cases: list[Window], traffic: list[Window], known: tuple[Window, ...] = ()) -> list[Window]:
    """References of the first case."""
    data = Labelled({}, [Case(window, "") for window in cases], list(known))
    return references.references(data, 0, traffic)


def test_other_faults_and_the_traffic_outside_all_of_them_serve_but_nothing_near():
    cases = [at(60, 63), at(80, 83), at(100, 103)]
    pieces = found(cases, [at(0, 120)])
    assert set(cases[1:]) < set(pieces)
    calm = set(pieces) - set(cases)
    assert all(piece.end < case.start or piece.start > case.end for piece in calm for case in cases)
    assert all(references.far(cases[0], piece) for piece in pieces)


def test_where_there_is_no_other_traffic_other_faults_serve():
    cases = [at(10 * n, 10 * n + 3) for n in range(8)]
    assert set(found(cases, cases)) == set(cases[1:])


def test_known_windows_come_first_and_few_are_filled_up():
    enough = found([at(60, 63)], [at(0, 200)], known=(at(100, 140),))
    assert all(at(100, 140).start <= piece.start and piece.end <= at(100, 140).end for piece in enough)
    few = found([at(60, 63)], [at(0, 200)], known=(at(100, 101),))
    assert len(few) > 5


def test_one_long_fault_is_compared_with_pieces_of_the_time_before():
    pieces = found([at(10, 20)], [at(0, 20)])
    assert len(pieces) >= 5
    assert all(piece.end <= at(10, 20).start for piece in pieces)


def test_where_all_is_near_what_does_not_touch_serves_and_else_nothing():
    assert found([at(2, 4)], [at(0, 5)])
    assert found([at(0, 5)], [at(0, 5)]) == []


def test_there_are_never_too_many_and_no_two_overlap():
    pieces = sorted(found([at(600, 603)], [at(0, 2000)]), key=lambda w: w.start)
    assert len(pieces) == references.MOST
    assert all(one.end <= other.start for one, other in pairwise(pieces))
