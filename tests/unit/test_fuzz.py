"""The fuzzers of ``python -m benchmarks.fuzz``: a short run of each that needs no engine, and that they can fail."""

import random
from pathlib import Path

import pytest

from benchmarks.fuzz import Round, bodies, run, text
from benchmarks.fuzz.bodies import decoding, decompressing
from benchmarks.fuzz.doors import _frames, grpc_round, http_round, intake_alone
from benchmarks.fuzz.spool import spooling
from benchmarks.fuzz.text import escaping, guarding
from otel_pipeline.intake.protocol import BadBody
from otel_pipeline.sanitize import Html, Llm, Markdown, Slack, Svg, Terminal

SECONDS = 0.5


@pytest.mark.parametrize(
    ("once", "outcomes"),
    [
        (decompressing, {"taken", "refused"}),
        (decoding, {"taken", "refused", "partly"}),
        (guarding, {"passed", "refused"}),
        (escaping, {"hostile", "harmless"}),
    ],
)
def test_a_short_run_of_each(once: Round, outcomes: set[str]) -> None:
    assert set(run(once, SECONDS, 11)) == outcomes


def test_a_short_run_on_the_spool(tmp_path: Path) -> None:
    assert set(run(spooling(tmp_path), SECONDS, 11)) == {"whole", "damaged"}


@pytest.mark.parametrize("rounds", [http_round, grpc_round])
def test_a_short_run_at_the_doors(tmp_path: Path, rounds) -> None:
    intake = intake_alone(tmp_path)
    try:
        assert run(rounds(intake), 2 * SECONDS, 11).total() > 10
    finally:
        intake.stop()


def test_frames_are_what_a_seed_makes_them() -> None:
    assert _frames(random.Random(4)) == _frames(random.Random(4))


@pytest.mark.parametrize("target", [Markdown, Html, Svg, Slack, Llm, Terminal])
def test_without_its_escaper_a_target_fails(target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "_escape", classmethod(lambda cls, text, width: text))
    with pytest.raises(AssertionError, match="round"):
        run(escaping, 20, 11)


def test_a_door_that_refuses_in_another_way_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise BadBody(500, "x")

    monkeypatch.setattr(bodies, "decompress", refuse)
    with pytest.raises(AssertionError, match="round 0"):
        run(decompressing, 5, 11)
    monkeypatch.setattr(text, "check", lambda sql: text.Statement(sql, ""))
    with pytest.raises(AssertionError, match="round"):
        run(guarding, 20, 11)
