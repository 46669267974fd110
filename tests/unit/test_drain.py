"""Merging of forms into templates."""

import random

import pytest

from otel_pipeline.detection.drain import Mask, Template, merge


def masks(*texts: str, start: int = 1) -> list[Mask]:
    return [Mask(number, text) for number, text in enumerate(texts, start)]


def texts(templates: list[Template]) -> set[str]:
    return {template.text for template in templates}


def test_few_words_are_different_messages() -> None:
    found, templates = merge([], masks("the pool is full", "the pool is empty", "the pool is closed"))
    assert len(set(found.values())) == 3
    assert len(templates) == 3


def test_many_words_at_one_place_are_a_variable() -> None:
    colours = ("red", "green", "blue", "black", "white")
    found, templates = merge([], masks(*(f"painted the {colour} door again" for colour in colours)))
    assert texts(templates) == {"painted the <*> door again"}
    assert len(set(found.values())) == 1


def test_the_first_word_never_varies() -> None:
    words = ("cupsd", "klogd", "syslogd", "crond", "sshd", "named")
    _, templates = merge([], masks(*(f"{word} startup succeeded now" for word in words)))
    assert len(templates) == len(words)


@pytest.mark.parametrize("flags", [("true", "false"), ("OPEN", "CLOSED", "HALF", "BROKEN", "GONE", "NEW")])
def test_flags_and_states_never_vary(flags: tuple[str, ...]) -> None:
    _, templates = merge([], masks(*(f"breaker of the gateway is {flag} now" for flag in flags)))
    assert len(templates) == len(flags)


def test_a_word_beside_a_variable_is_one_of_its_values() -> None:
    found, templates = merge([], masks("chdir(<*>) failed: no such file", "chdir(pwd) failed: no such file"))
    assert texts(templates) == {"chdir(<*>) failed: no such file"}
    assert len(set(found.values())) == 1


def test_ids_are_stable_and_known_templates_take_new_masks() -> None:
    first, templates = merge([], masks("painted the red door again", "painted the green door again"))
    later = masks(*(f"painted the {c} door again" for c in ("blue", "black", "white")), start=10)
    second, changed = merge(templates, later)
    # Five colours make a variable: the oldest template becomes more general, and keeps its id.
    assert len(set(second.values())) == 1
    (template,) = changed
    assert template.id in first.values()
    assert (template.text, template.revision) == ("painted the <*> door again", 1)
    third, unchanged = merge([*changed], masks("painted the pink door again", start=20))
    assert set(third.values()) == {template.id}
    assert unchanged == []


def test_the_order_of_masks_does_not_matter() -> None:
    lines = masks(*(f"job {a} of {b} done by {c}" for a in "abcdef" for b in "uvwxyz" for c in ("me", "you")))
    expected = merge([], lines)
    for seed in range(5):
        shuffled = lines[:]
        random.Random(seed).shuffle(shuffled)
        assert merge([], shuffled) == expected


def test_nothing_new_is_nothing_to_do() -> None:
    assert merge([Template(1, "a b c")], []) == ({}, [])
