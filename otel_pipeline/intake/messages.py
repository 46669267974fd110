"""The OTLP request messages as Python knows them, in four forms.

``official``: as published. ``flat``: an AnyValue nests once, as in ``otlp.proto``, so what is deeper shows up as
unknown fields. ``plain``: it does not nest at all. ``lenient``: text may be any
bytes, to tell broken text from a broken message.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from otel_pipeline.intake.horizon import PARTS, points

SIGNALS: dict[str, type[Message]] = {
    "traces": trace_service_pb2.ExportTraceServiceRequest,
    "logs": logs_service_pb2.ExportLogsServiceRequest,
    "metrics": metrics_service_pb2.ExportMetricsServiceRequest,
}
RECORDS = {"Span", "LogRecord", "Metric"}
COMMON = "opentelemetry.proto.common.v1"
Field = descriptor_pb2.FieldDescriptorProto


def official(signal: str) -> type[Message]:
    """The export request of a signal as published."""
    return SIGNALS[signal]


def _files(file) -> Iterable[FileDescriptor]:
    """A file after all that it imports."""
    for dependency in file.dependencies:
        yield from _files(dependency)
    yield file


@cache
def _pool(form: str) -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    files = {file.name: file for request in SIGNALS.values() for file in _files(request.DESCRIPTOR.file)}
    for file in files.values():
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        if form == "lenient":
            _text_to_bytes(proto.message_type)
        elif proto.package == COMMON:
            _nest_once(proto)
            if form == "plain":
                _nest_never(proto)
        pool.AddSerializedFile(proto.SerializeToString())
    return pool


def _text_to_bytes(kinds: Iterable[descriptor_pb2.DescriptorProto]) -> None:
    for kind in kinds:
        _text_to_bytes(kind.nested_type)
        for field in kind.field:
            if field.type == Field.TYPE_STRING:
                field.type = Field.TYPE_BYTES


def _nest_once(proto: descriptor_pb2.FileDescriptorProto) -> None:
    """Give arrays and objects members that can be neither; leave what ``otlp.proto`` does not know unknown."""
    kinds = {kind.name: kind for kind in proto.message_type}
    for name, known in {"AnyValue": range(1, 8), "KeyValue": range(1, 3)}.items():
        for field in [field for field in kinds[name].field if field.number not in known]:
            kinds[name].field.remove(field)
    scalar = proto.message_type.add()
    scalar.CopyFrom(kinds["AnyValue"])
    scalar.name = "Scalar"
    for field in [field for field in scalar.field if field.type == Field.TYPE_MESSAGE]:
        scalar.field.remove(field)
    pair = proto.message_type.add()
    pair.CopyFrom(kinds["KeyValue"])
    pair.name = "ScalarKeyValue"
    pair.field[1].type_name = f".{COMMON}.Scalar"
    kinds["ArrayValue"].field[0].type_name = f".{COMMON}.Scalar"
    kinds["KeyValueList"].field[0].type_name = f".{COMMON}.ScalarKeyValue"


def _nest_never(proto: descriptor_pb2.FileDescriptorProto) -> None:
    """Leave an AnyValue its scalars only."""
    for kind in proto.message_type:
        if kind.name == "AnyValue":
            for field in [field for field in kind.field if field.type == Field.TYPE_MESSAGE]:
                kind.field.remove(field)


@cache
def _form(form: str, signal: str) -> type[Message]:
    descriptor = _pool(form).FindMessageTypeByName(official(signal).DESCRIPTOR.full_name)
    return message_factory.GetMessageClass(descriptor)


def flat(signal: str) -> type[Message]:
    """The export request of a signal in which an AnyValue nests once."""
    return _form("flat", signal)


def plain(signal: str) -> type[Message]:
    """The export request of a signal in which an AnyValue is a scalar."""
    return _form("plain", signal)


def children(message: Message) -> Iterable[Message]:
    """The messages that are fields of a message."""
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            yield from value if field.is_repeated else (value,)


class TooMany(Exception):
    """More messages in a request than anybody has the time to walk."""


class Room:
    """For so many messages more: whoever walks a request takes it list by list, before its members.

    Millions of empty messages are a few kilobytes, well compressed, parsed in a second, and walked in half a minute.
    """

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, count: int) -> None:
        """:raises TooMany: there is no room for them."""
        self._left -= count
        if self._left < 0:
            raise TooMany


def has_wrong_types(message: Message, room: Room) -> bool:
    """Whether, at any depth, a field came with another wire type than its own (numbers never heard of are fine).

    :raises TooMany: there are more messages than that.
    """
    unknown = UnknownFieldSet(message)
    if len(unknown):
        room.take(len(unknown))
        known = message.DESCRIPTOR.fields_by_number
        if any(field.field_number in known for field in unknown):
            return True
    for field, value in message.ListFields():
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            continue
        if field.is_repeated:
            room.take(len(value))
            if any(has_wrong_types(child, room) for child in value):
                return True
        elif has_wrong_types(value, room):
            return True
    return False


def with_readable_text(signal: str, body: bytes, room: Room) -> tuple[Message, int]:
    """A request whose text is partly not UTF-8, with U+FFFD for what cannot be read.

    :returns: the request in its official form, and how many texts were repaired.
    :raises DecodeError: something else is wrong with the body. :raises TooMany: it has more messages than that.
    """
    request = _form("lenient", signal)()
    request.ParseFromString(body)
    repaired = _repair_text(request, official(signal).DESCRIPTOR, room)
    clean = official(signal)()
    clean.ParseFromString(request.SerializeToString())
    return clean, repaired


def _repair_text(message: Message, truth, room: Room) -> int:
    repaired = 0
    for field, value in message.ListFields():
        true_field = truth.fields_by_number[field.number]
        if true_field.type == FieldDescriptor.TYPE_STRING:
            if not field.is_repeated:
                text = _readable(value)
                if text != value:
                    setattr(message, field.name, text)
                    repaired += 1
                continue
            for place, part in enumerate(value):
                text = _readable(part)
                if text != part:
                    value[place] = text
                    repaired += 1
        elif true_field.type == FieldDescriptor.TYPE_MESSAGE:
            if field.is_repeated:
                room.take(len(value))
            for item in value if field.is_repeated else (value,):
                repaired += _repair_text(item, true_field.message_type, room)
    return repaired


def _readable(text: bytes) -> bytes:
    return text.decode(errors="replace").encode()


def count(message: Message) -> int:
    """Records in a request, a resource or a scope."""
    return sum(1 if child.DESCRIPTOR.name in RECORDS else count(child) for child in children(message))


def records(signal: str, request: Any, enough: int) -> int:
    """Rows that a request would become; counted no further than a little beyond ``enough``."""
    parts, scopes, held = PARTS[signal]
    found = 0
    for part in getattr(request, parts):
        found += 1
        for scope in getattr(part, scopes):
            records_ = getattr(scope, held)
            found += 1 + len(records_)
            if signal == "metrics" and found <= enough:
                found += sum(len(points(metric)) for metric in records_)
            if found > enough:
                return found
        if found > enough:
            return found
    return found


def metric_kinds(body: bytes) -> set[str]:
    """The kinds of metrics in a request: gauge, sum, histogram, exponential_histogram, summary."""
    request = metrics_service_pb2.ExportMetricsServiceRequest.FromString(body)
    return {
        kind
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if (kind := metric.WhichOneof("data"))
    }
