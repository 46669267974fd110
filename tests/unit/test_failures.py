"""A failure that few traces share is trouble when the baseline does not know it, and none when it does."""

from typing import Any

from otel_pipeline.detection import failures

FIRST, LAST = 20, 24
NEW = 7


def course(share: float) -> list[dict[str, Any]]:
    """Light traffic in which, for a while, one trace of nine ends with the same error."""
    return [
        {
            "RootService": "shop",
            "RootOperation": "POST /order",
            "Bin": index,
            "Traces": 9,
            "Failures": [(NEW, share)] if FIRST <= index <= LAST else [],
        }
        for index in range(60)
    ]


def test_an_error_that_the_baseline_does_not_know_and_that_recurs_is_a_burst() -> None:
    (segment,) = failures.find(course(share=0.0005))["shop", "POST /order"]
    assert (segment.first, segment.last, segment.anomalous) == (FIRST, LAST, 5)


def test_an_error_that_is_as_frequent_as_the_baseline_knows_it_is_none() -> None:
    assert failures.find(course(share=0.1)) == {("shop", "POST /order"): []}
