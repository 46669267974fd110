"""Every field of a report that telemetry fills: whatever stands in it, the written report has the outline it has."""

import dataclasses
import types
import typing
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from benchmarks.fuzz.text import outline
from otel_pipeline.detection.model import Window
from otel_pipeline.investigate.markdown import markdown
from otel_pipeline.investigate.model import Investigation
from otel_pipeline.investigate.text import text
from otel_pipeline.sanitize import hides
from tests.support.hostile_names import NAMES

# Fields of the report's classes whose words are ours, as their classes say; all other texts may be a stranger's.
OURS = {"kind", "signal", "note", "name", "state", "status", "verdict"}
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def filled(kind: Any, text: str, name: str = "", depth: int = 0) -> Any:
    """A value of a type with the text in every field that is one."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is str:
        return "ours" if name in OURS else text
    if origin is Literal:
        return inner[0]
    if kind in (int, float, bool):
        return kind(3)
    if kind is datetime:
        return NOW
    if kind is timedelta:
        return timedelta(minutes=1)
    if kind is Window:
        return Window(NOW, NOW + timedelta(minutes=5))
    if origin in (types.UnionType, typing.Union):
        return filled(inner[0], text, name, depth)
    if origin in (list, tuple, set, frozenset):
        members = [each for each in inner if each is not Ellipsis]
        if origin is tuple and len(members) > 1:
            return tuple(filled(each, text, name, depth) for each in members)
        return origin([filled(members[0], text, name, depth)] if depth < 3 else [])
    if origin is dict:
        return {filled(inner[0], text, name, depth): filled(inner[1], text, name, depth)}
    assert dataclasses.is_dataclass(kind), (name, kind)
    hints = typing.get_type_hints(kind)
    return kind(**{
        field.name: filled(hints[field.name], text, field.name, depth + 1)
        for field in dataclasses.fields(kind)
        if field.init and not (depth and hints[field.name] == list[Investigation])
    })  # fmt: skip


@pytest.mark.parametrize("hostile", [name for name in NAMES if name])  # without one a section is left out
def test_whatever_a_report_is_filled_with_its_outline_stays(hostile: str) -> None:
    pictures = {"timeline": "t.svg", "waterfall": "w.svg"}
    written = markdown(filled(Investigation, hostile), pictures, hostile)
    assert outline(written)[0] == outline(markdown(filled(Investigation, "x"), pictures, "x"))[0]
    said = text(filled(Investigation, hostile))
    assert len(said.splitlines()) == len(text(filled(Investigation, "x")).splitlines())
    assert not [c for c in said if hides(c) and c != "\n"]


def test_all_sections_of_the_report_are_there() -> None:
    written = markdown(filled(Investigation, "secret"), {}, "secret")
    assert written.count("\n## ") > 10 and written.count("secret") > 40
