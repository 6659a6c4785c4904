"""The frames of AMQP 0-9-1 that every event passes through, to and from bytes.

pamqp encodes and decodes field by field and type by type, which costs 40 µs for a header frame with ten headers. Text,
which is nearly all that headers hold, is encoded and decoded here; a table with any other type goes to pamqp.
Source: AMQP 0-9-1, chapters 2.3.5 (frames), 4.2.6 (content), 1.8.3.13 (Basic.Ack) and 1.8.3.14 (Basic.Deliver), with
RabbitMQ's errata.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct, error
from typing import Any

from pamqp import decode, encode
from pamqp.commands import Basic
from pamqp.frame import marshal

METHOD, HEADER, BODY, HEARTBEAT = KINDS = 1, 2, 3, 8
END = b"\xce"
OVERHEAD = 8
"""Bytes of a frame that are not its payload."""

FRAME = Struct(">BHI")
DELIVER = b"\x00\x3c\x00\x3c"
ACK = b"\x00\x3c\x00\x50"
CLASS_BASIC = 60

_content = Struct(">HHQH")
_u32, _u64 = Struct(">I"), Struct(">Q")
_tag_and_flags = Struct(">QB")

CONTENT_TYPE, CONTENT_ENCODING, HEADERS, DELIVERY_MODE, PRIORITY, CORRELATION_ID, REPLY_TO = (
    1 << bit for bit in range(15, 8, -1)
)
EXPIRATION, MESSAGE_ID, TIMESTAMP, MESSAGE_TYPE, USER_ID, APP_ID = (1 << bit for bit in range(8, 2, -1))

Headers = dict[str, Any]


@dataclass(slots=True)
class Properties:
    """The properties of a message that this platform reads or writes; `timestamp` in seconds since 1970."""

    headers: Headers = field(default_factory=dict)
    content_type: str | None = None
    delivery_mode: int | None = None
    correlation_id: str | None = None
    message_id: str | None = None
    timestamp: int | None = None
    message_type: str | None = None
    app_id: str | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """A message to publish; it is mandatory: the broker returns it if no queue takes it."""

    exchange: str
    routing_key: str
    properties: Properties
    body: bytes


@dataclass(slots=True)
class Message:
    """A delivery. `tag` is for its acknowledgement; `redelivered` says that a consumer had it before."""

    tag: int
    redelivered: bool
    routing_key: str
    properties: Properties
    body: bytes


def publish_frames(message: Publication, channel: int, max_body: int) -> bytes:
    """The frames of a mandatory Basic.Publish whose body frames hold at most `max_body` bytes.

    Raises ValueError or TypeError if a value does not fit its field.
    """
    header = _header_of(message.properties, len(message.body))
    parts = [
        _publish_method(channel, message.exchange, message.routing_key),
        FRAME.pack(HEADER, channel, len(header)),
        header,
        END,
    ]
    for piece in _pieces(message.body, max_body):
        parts += FRAME.pack(BODY, channel, len(piece)), piece, END
    return b"".join(parts)


@lru_cache(maxsize=1024)
def _publish_method(channel: int, exchange: str, routing_key: str) -> bytes:
    return marshal(Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True), channel)


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def _header_of(properties: Properties, body_size: int) -> bytes:
    flags, parts = 0, [b""]
    if properties.content_type is not None:
        flags |= CONTENT_TYPE
        parts.append(_short(properties.content_type))
    if properties.headers:
        flags |= HEADERS
        parts.append(write_table(properties.headers))
    if properties.delivery_mode is not None:
        flags |= DELIVERY_MODE
        parts.append(bytes((properties.delivery_mode,)))
    for flag, text in ((CORRELATION_ID, properties.correlation_id), (MESSAGE_ID, properties.message_id)):
        if text is not None:
            flags |= flag
            parts.append(_short(text))
    if properties.timestamp is not None:
        flags |= TIMESTAMP
        parts.append(_u64.pack(properties.timestamp))
    for flag, text in ((MESSAGE_TYPE, properties.message_type), (APP_ID, properties.app_id)):
        if text is not None:
            flags |= flag
            parts.append(_short(text))
    parts[0] = _content.pack(CLASS_BASIC, 0, body_size, flags)
    return b"".join(parts)


def write_table(values: Mapping[str, Any]) -> bytes:
    """A field table with its length."""
    parts = []
    for name, value in values.items():
        parts.append(_short(name))
        if type(value) is str:
            encoded = value.encode()
            parts += b"S", _u32.pack(len(encoded)), encoded
        else:
            parts.append(encode.encode_table_value(value))
    fields = b"".join(parts)
    return _u32.pack(len(fields)) + fields


def _short(text: str) -> bytes:
    encoded = text.encode()
    if len(encoded) > 255:
        raise ValueError(f"{text[:40]!r}… is longer than the 255 bytes of a short string")
    return bytes((len(encoded),)) + encoded


def read_ack(payload: bytes, at: int) -> tuple[int, bool]:
    """Tag and `multiple` of a Basic.Ack that begins at `at`."""
    tag, flags = _tag_and_flags.unpack_from(payload, at + len(ACK))
    return tag, bool(flags & 1)


def read_delivery(payload: bytes, at: int) -> tuple[int, bool, str]:
    """Tag, redelivered and routing key of a Basic.Deliver that begins at `at`."""
    at += len(DELIVER)
    at += 1 + payload[at]  # the consumer tag: a channel has one consumer
    tag, flags = _tag_and_flags.unpack_from(payload, at)
    at += 9
    at += 1 + payload[at]  # the exchange
    return tag, bool(flags & 1), payload[at + 1 : at + 1 + payload[at]].decode(errors="replace")


def read_header(payload: bytes, at: int) -> tuple[int, Properties]:
    """Body size and properties of a header frame whose payload begins at `at`.

    The broker passes on what any publisher wrote, so unreadable properties are no error: they count as none.
    """
    _, _, size, flags = _content.unpack_from(payload, at)
    try:
        return size, _properties(payload, at + _content.size, flags)
    except (IndexError, error, ValueError):
        return size, Properties()


def _properties(payload: bytes, at: int, flags: int) -> Properties:
    found = Properties()
    for flag, name, read in FIELDS:
        if flags & flag:
            value, at = read(payload, at)
            if name:
                setattr(found, name, value)
    return found


def _read_octet(payload: bytes, at: int) -> tuple[int, int]:
    return payload[at], at + 1


def _read_time(payload: bytes, at: int) -> tuple[int, int]:
    seconds: int = _u64.unpack_from(payload, at)[0]
    return seconds, at + 8


def _read_short(payload: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + payload[at]
    return payload[at + 1 : end].decode(errors="replace"), end


def _read_table(payload: bytes, at: int) -> tuple[Headers, int]:
    (length,) = _u32.unpack_from(payload, at)
    start = at
    at += 4
    end = at + length
    headers: Headers = {}
    while at < end:
        name_end = at + 1 + payload[at]
        if payload[name_end] != 83:  # S, a long string; for any other type the whole table goes to pamqp
            return decode.field_table(payload[start:end])[1], end
        (size,) = _u32.unpack_from(payload, name_end + 1)
        value = name_end + 5
        headers[payload[at + 1 : name_end].decode(errors="replace")] = payload[value : value + size].decode(
            errors="replace"
        )
        at = value + size
    return headers, end


FIELDS: tuple[tuple[int, str, Callable[[bytes, int], tuple[Any, int]]], ...] = (
    (CONTENT_TYPE, "content_type", _read_short),
    (CONTENT_ENCODING, "", _read_short),
    (HEADERS, "headers", _read_table),
    (DELIVERY_MODE, "delivery_mode", _read_octet),
    (PRIORITY, "", _read_octet),
    (CORRELATION_ID, "correlation_id", _read_short),
    (REPLY_TO, "", _read_short),
    (EXPIRATION, "", _read_short),
    (MESSAGE_ID, "message_id", _read_short),
    (TIMESTAMP, "timestamp", _read_time),
    (MESSAGE_TYPE, "message_type", _read_short),
    (USER_ID, "", _read_short),
    (APP_ID, "app_id", _read_short),
)
"""The properties in the order of their bits and bytes; those without a name here are skipped."""
