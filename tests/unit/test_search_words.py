"""What a search takes from its query."""

import pytest

from otel_pipeline.evaluation.templates import accuracy
from otel_pipeline.investigate.codes import codes_of
from otel_pipeline.investigate.search import MOST_WORDS, names_of, words_of


def test_a_text_of_any_length_gives_a_few_words() -> None:
    assert len(words_of(" ".join(f"w{n}" for n in range(10_000)))) == MOST_WORDS


def test_words_without_those_that_say_nothing() -> None:
    assert words_of("Logs like the db_pool TIMEOUT, pool") == ["db", "pool", "timeout"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("what is ERR-4711?", [("ERR-4711", ["4711", "err"])]),
        ("order 3f2a-99b0c1 (10.0.0.7)", [("3f2a-99b0c1", ["99b0c1", "3f2a"]), ("10.0.0.7", ["10", "0", "0"])]),
        ("주문4711 fällt aus", [("주문4711", ["주문4711"])]),
        ("ÄRGER-X7\x00", [("ÄRGER-X7\x00", ["x7", "Ärger"])]),
        ("payment failed", []),
        ("7 up", []),
    ],
)
def test_codes(text: str, codes: list[tuple[str, list[str]]]) -> None:
    assert codes_of(text) == codes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "NullPointerException in java.lang.Thread, or db_pool?",
            ["NullPointerException", "java.lang.Thread", "db_pool"],
        ),
        ("Payment failed. E.g. TIMEOUT of the Gateway, i.e. slow", []),
        ("insertHiHealthData insertHiHealthData", ["insertHiHealthData"]),
    ],
)
def test_names(text: str, names: list[str]) -> None:
    assert names_of(text) == names


def test_grouping_accuracy_counts_whole_groups_only() -> None:
    truth = ["a", "a", "a", "b", "b", "c"]
    assert accuracy(truth, ["1", "1", "1", "2", "2", "3"]) == (1.0, 1.0)
    ga, fga = accuracy(truth, ["1", "1", "9", "2", "2", "3"])
    assert ga == pytest.approx(3 / 6)
    assert fga == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))
