"""Made-up log systems: the same each time, and true."""

import re

import pytest

from otel_pipeline.evaluation import logworlds
from otel_pipeline.evaluation.logworlds.model import fill, truth
from otel_pipeline.evaluation.logworlds.values import Values
from otel_pipeline.evaluation.templates import normal, parsing_accuracy


@pytest.mark.parametrize("style", logworlds.STYLES)
def test_a_world_is_the_same_each_time_and_another_with_each_seed(style: str) -> None:
    made = logworlds.make(style, 3, 400)
    assert made == logworlds.make(style, 3, 400)
    assert made.lines != logworlds.make(style, 4, 400).lines
    assert len(made.lines) == len(made.events) == 400
    assert 30 <= len(made.templates) <= 50
    assert set(made.events) == set(made.templates)
    assert len(set(made.templates.values())) == len(made.templates)


@pytest.mark.parametrize("style", ["invented", "russian", "services"])
def test_lines_are_those_of_their_templates(style: str) -> None:
    made = logworlds.make(style, 5, 300)
    for line, event in zip(made.lines, made.events, strict=True):
        # What stands before the first value is said by every line.
        start = re.split(r"<\*>| ?[(\[]", made.templates[event])[0]
        assert line.startswith(start)


def test_every_kind_of_value_can_be_made() -> None:
    import random

    values = Values(random.Random(1))
    assert len(values.kinds) >= 30
    for kind in values.kinds:
        assert values.make(kind)
        assert values.make(f"{kind}*")


def test_optional_parts_are_in_the_truth_and_in_some_lines() -> None:
    import random

    dice = random.Random(2)
    text = "job «int» done⟦ (took «int» ms)⟧"
    assert truth(text) == "job <*> done (took <*> ms)"
    lines = {fill(text, dice, Values(dice)).endswith("ms)") for _ in range(20)}
    assert lines == {True, False}


def test_parsing_accuracy_sees_through_the_spelling_of_wildcards() -> None:
    assert normal('user "<*>" took <*>.<*> ms') == normal("user <*> took <*> ms")
    templates = {"A": "user <*> in", "B": "gone"}
    assert parsing_accuracy(["A", "A", "B", "B"], templates, ["user <*> in", "user ann in", "gone", "gone"]) == 0.75


def test_a_world_is_written_in_the_form_of_loghub(tmp_path) -> None:
    from otel_pipeline.evaluation.templates import read

    made = logworlds.make("korean", 1, 50)
    (file,) = read(logworlds.write(made, tmp_path))
    assert file.lines == made.lines
    assert file.events == made.events
    assert file.templates == {event: made.templates[event] for event in made.events}
