"""AnyValues as text, the way the Collector's clickhouse exporter stores them (``pcommon.Value.AsString``, Go's JSON).

The engine does this in SQL (``intake__values.sql``) for all but values nested more than once; those come here.
"""

import base64
import json
import math
from decimal import Decimal

from google.protobuf.message import Message

from otel_pipeline.intake.messages import children


def flatten(message: Message) -> None:
    """Replace, at any depth, arrays and objects by the text that is stored of them."""
    for child in children(message):
        if child.DESCRIPTOR.name == "AnyValue":
            if child.WhichOneof("value") in ("array_value", "kvlist_value"):  # pyright: ignore[reportArgumentType]
                child.string_value = _document(child)  # pyright: ignore[reportAttributeAccessIssue]
        else:
            flatten(child)


def _document(value: Message) -> str:
    try:
        return json_text(value)
    except ValueError:
        return ""  # Go cannot marshal a NaN or an infinity, and the exporter ignores its error


def json_text(value) -> str:
    """An AnyValue as JSON.

    :raises ValueError: NaN or infinity in it.
    """
    match value.WhichOneof("value"):
        case "string_value":
            text = _quoted(value.string_value)
        case "bool_value":
            text = "true" if value.bool_value else "false"
        case "int_value":
            text = str(value.int_value)
        case "double_value":
            text = number(value.double_value)
        case "bytes_value" if value.bytes_value:
            text = _quoted(base64.b64encode(value.bytes_value).decode())
        case "array_value":
            text = "[" + ",".join(json_text(item) for item in value.array_value.values) + "]"
        case "kvlist_value":
            pairs = {pair.key: pair.value for pair in value.kvlist_value.values}
            text = (
                "{" + ",".join(f"{_quoted(key)}:{json_text(pairs[key])}" for key in sorted(pairs, key=str.encode)) + "}"
            )
        case _:
            text = "null"
    return text


def number(value: float) -> str:
    """A double as Go's JSON prints it: shortest digits; an exponent below 1e-6 and from 1e21 on.

    :raises ValueError: NaN or infinity.
    """
    if not math.isfinite(value):
        raise ValueError("not a JSON number")
    if value and not 1e-6 <= abs(value) < 1e21:
        return repr(value).replace("e-0", "e-")
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
