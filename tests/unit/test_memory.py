"""When the memory speaks, and when it says nothing."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from otel_pipeline.detection import memory
from otel_pipeline.detection.memory import Pattern

FEATURES = ("error stock GET /stock Timeout", "latency stock connect", "template stock 17")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pattern(**values: object) -> Pattern:
    """A confirmed pattern with a vector."""
    known = Pattern(
        uuid.uuid4(),
        NOW,
        "s",
        "m",
        "stock",
        Features=FEATURES,
        embedding=(1.0, 0.0),
        EmbeddingModel="m",
        Status="confirmed",
    )
    return replace(known, **values)  # pyright: ignore[reportArgumentType]


def recall(
    known: list[Pattern],
    service: str = "stock",
    features: tuple[str, ...] = FEATURES,
    vector: tuple[float, ...] = (1.0, 0.1),
):
    """The recalled pattern."""
    match = memory.recall(known, service, features, vector, "m")
    return match.pattern if match else None


def test_structure_and_meaning_must_both_agree():
    known = pattern()
    assert recall([known]) == known
    assert recall([known], features=("error cart POST /cart 500",)) is None
    assert recall([known], vector=(0.0, 1.0)) is None
    assert recall([known], service="cart") is None


def test_without_vectors_structure_alone_decides():
    known = pattern(embedding=(), EmbeddingModel="")
    assert recall([known], vector=()) == known


def test_another_model_s_vector_is_not_compared():
    assert recall([pattern(EmbeddingModel="other", embedding=(0.0, 1.0))]) is not None


def test_what_people_rejected_is_not_recalled_unless_it_is_known_to_be_harmless():
    assert recall([pattern(Status="rejected")]) is None
    assert recall([pattern(Status="rejected", Harmless=True)]) is not None


def test_of_two_that_are_alike_the_confirmed_one_is_recalled():
    confirmed, suspected = pattern(), pattern(Status="suspected")
    assert recall([suspected, confirmed]) == confirmed


def test_features_hold_no_numbers_that_vary():
    found = memory.features_of(
        ["error", "latency", "structure"],
        ["a", "a", "a"],
        ["GET", "connect", "GET"],
        ["error begins here: Timeout: after <*> s", "slow: own time a call, ms", "unseen shape of the trace"],
    )
    assert found == ["error a GET Timeout", "latency a connect"]
