"""What a stranger sent reaches a log as text that a terminal does not obey."""

import logging

import pytest

from otel_pipeline.commands.intake import Readable
from otel_pipeline.stack.process import readable


def test_the_intake_writes_control_characters_out() -> None:
    record = logging.LogRecord("intake", logging.ERROR, __file__, 1, "%s is gone", ("a\x1b[2J\x9b31mb\u202e",), None)
    assert Readable("%(levelname)s %(message)s").format(record) == "ERROR a\\x1b[2J\\x9b31mb\\u202e is gone"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"caf\xc3\xa9\tau lait \n", "caf\u00e9\tau lait"),
        (b"\x1b[1;32mgreen\x1b[0m\n", "\x1b[1;32mgreen\x1b[0m"),
        (b"\x1b]0;title\x07\x1b[2J\n", "\\x1b]0;title\\x07\\x1b[2J"),
        (b"\x1b]8;;http://evil.example\x1b\\link", "\\x1b]8;;http://evil.example\\x1b\\link"),
        (b"no text: \xff\xf9\n", "no text: \\xff\\xf9"),
        (b"10%\r20%\n", "10%\\r20%"),
        (b"", ""),
    ],
)
def test_a_part_of_the_stack_has_colours_and_nothing_else(line: bytes, expected: str) -> None:
    assert readable(line) == expected
