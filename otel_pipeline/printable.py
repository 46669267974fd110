"""Text that may come from anywhere, made safe for a terminal: nothing in it moves the cursor, colours or hides."""

import json

from otel_pipeline.sanitize import hides, written_out

KEPT = "\n\t"


def printable(text: str) -> str:
    """The text with every character that a terminal would obey, or a person not see, written out as ``\\x1b``."""
    return written_out(text, KEPT)


def hidden_in_json(document: str) -> str:
    """A JSON document in which such characters are escaped as JSON escapes them: the same document to every reader."""
    if document.isascii():
        return document.replace("\x7f", "\\u007f")
    return "".join(c if c in KEPT or not hides(c) else json.dumps(c)[1:-1].replace("\x7f", "\\u007f") for c in document)
