"""Text that may come from anywhere, made safe for a terminal: nothing in it moves the cursor, colours or hides."""

import json
import unicodedata

KEPT = "\n\t"
# Control characters; format characters (bidirectional overrides, zero width, tags); private and unassigned ones.
HIDDEN = ("Cc", "Cf", "Co", "Cn", "Cs")


def printable(text: str) -> str:
    """The text with every character that a terminal would obey, or a person not see, written out as ``\\x1b``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _harmless(character) else _escaped(character) for character in text)


def hidden_in_json(document: str) -> str:
    """A JSON document in which such characters are escaped as JSON escapes them: the same document to every reader."""
    if document.isascii():
        return document.replace("\x7f", "\\u007f")
    return "".join(c if _harmless(c) else json.dumps(c)[1:-1].replace("\x7f", "\\u007f") for c in document)


def _harmless(character: str) -> bool:
    return character in KEPT or unicodedata.category(character) not in HIDDEN


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
