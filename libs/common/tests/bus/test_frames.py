"""Our codec against pamqp, which reads and writes all of AMQP."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import frame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from common.bus.rabbitmq import frames
from common.bus.rabbitmq.frames import Properties, Publication

short = st.text(max_size=60)
headers = st.dictionaries(short.filter(bool), st.text(max_size=300), max_size=12)
properties = st.builds(
    Properties,
    headers=headers,
    content_type=st.none() | short,
    delivery_mode=st.none() | st.sampled_from([1, 2]),
    correlation_id=st.none() | short,
    message_id=st.none() | short,
    timestamp=st.none() | st.integers(0, 2**32),
    message_type=st.none() | short,
    app_id=st.none() | short,
)


def unpacked(data: bytes) -> list[Any]:
    found = []
    while data:
        size, channel, decoded = frame.unmarshal(data)
        assert channel == 3
        found.append(decoded)
        data = data[size:]
    return found


@given(properties, st.binary(max_size=300), st.integers(20, 100))
def test_pamqp_reads_our_publish_frames(given_properties: Properties, body: bytes, max_body: int) -> None:
    message = Publication("dukan.events", "orders.order.placed.v1", given_properties, body)
    method, header, *pieces = unpacked(frames.publish_frames(message, 3, max_body))
    assert isinstance(method, Basic.Publish)
    assert (method.exchange, method.routing_key, method.mandatory) == (message.exchange, message.routing_key, True)
    assert isinstance(header, ContentHeader)
    assert header.body_size == len(body)
    assert b"".join(piece.value for piece in pieces) == body
    assert all(len(piece.value) <= max_body for piece in pieces if isinstance(piece, ContentBody))
    read = header.properties
    assert (read.headers or {}) == given_properties.headers
    for name in ("content_type", "delivery_mode", "correlation_id", "message_id", "message_type", "app_id"):
        assert getattr(read, name) == getattr(given_properties, name)


@given(properties)
def test_we_read_our_own_headers(written: Properties) -> None:
    payload = frames.publish_frames(Publication("", "q", written, b"12345"), 3, 100)
    method_size = frame.unmarshal(payload)[0]
    assert frames.read_header(payload, method_size + 7) == (5, written)


def header_of(**fields: Any) -> bytes:
    header = ContentHeader(body_size=9, properties=Basic.Properties(**fields))
    return frame.marshal(header, 3)[7:-1]


def test_unused_properties_are_skipped() -> None:
    payload = header_of(
        content_type="a", content_encoding="gzip", priority=3, reply_to="r", expiration="60", user_id="u", app_id="x"
    )
    assert frames.read_header(payload, 0) == (9, Properties(content_type="a", app_id="x"))


def test_header_values_of_any_type_are_read() -> None:
    values = {"n": 7, "text": "ja", "yes": True, "deep": {"list": [1, "a"]}}
    assert frames.read_header(header_of(headers=values), 0)[1].headers == values


def test_header_values_of_any_type_are_written() -> None:
    values = {"n": 7, "text": "ja", "deep": {"list": [1, "a"]}}
    payload = frames.publish_frames(Publication("", "q", Properties(headers=values), b""), 3, 100)
    assert unpacked(payload)[1].properties.headers == values


@pytest.mark.parametrize("damage", [slice(14, 15), slice(16, 18), slice(20, None)])
def test_unreadable_properties_count_as_none_and_the_body_size_is_kept(damage: slice) -> None:
    payload = bytearray(header_of(headers={"a": "text", "b": "more"}, message_id="m"))
    payload[damage] = b"\xff" * len(payload[damage])
    size, _ = frames.read_header(bytes(payload), 0)
    assert size == 9
    assert frames.read_header(bytes(payload[:20]), 0) == (9, Properties())


def test_text_that_is_not_utf_8_is_read_with_replacement_characters() -> None:
    payload = header_of(message_id="abc").replace(b"abc", b"a\xffc")
    assert frames.read_header(payload, 0)[1].message_id == "a\ufffdc"


def test_a_name_that_is_too_long_is_an_error() -> None:
    with pytest.raises(ValueError, match="255 bytes"):
        frames.publish_frames(Publication("", "q", Properties(message_id="x" * 256), b""), 3, 100)
