"""Publishing a batch with publisher confirms: one lock, one write, a confirmation each.

aiormq's own `basic_publish` takes the channel's lock and the socket once per message, and every hand-over of that lock
is a turn of the event loop: measured in a process that also answers requests, 67 messages took 0.39 s that way. Here
the frames of the whole batch are written together. It speaks to the same book-keeping (`confirmations`,
`message_id_delivery_tag`) as aiormq 7's `basic_publish`; the transport's contract suite holds it to that.
"""

from asyncio import Future
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from aiormq import spec
from aiormq.abc import ChannelFrame
from aiormq.channel import Channel
from pamqp.body import ContentBody
from pamqp.frame import FrameTypes, marshal
from pamqp.header import ContentHeader


@dataclass(frozen=True, slots=True)
class Message:
    """A message that must be routed somewhere: otherwise its confirmation raises PublishError."""

    body: bytes
    exchange: str
    routing_key: str
    properties: spec.Basic.Properties


async def publish_all(channel: Channel, messages: Sequence[Message]) -> list[Future[object]]:
    """Write the messages in order; for each a future of the broker's confirm.

    A message that cannot be encoded fails alone, in its future, and takes no place in the broker's count. Raises
    aiormq's ChannelInvalidStateError when the channel is closed.
    """
    async with channel.lock:
        confirmations: list[Future[object]] = []
        payload: list[bytes] = []
        for message in messages:
            confirmation: Future[object] = channel.create_future()
            confirmations.append(confirmation)
            try:
                payload.append(_encode(channel, message))
            except Exception as error:
                confirmation.set_exception(error)
                continue
            _expect(channel, str(message.properties.message_id), confirmation)
        await channel.write_queue.put(ChannelFrame(b"".join(payload), should_close=False))
    return confirmations


def _encode(channel: Channel, message: Message) -> bytes:
    method = spec.Basic.Publish(exchange=message.exchange, routing_key=message.routing_key, mandatory=True)
    header = ContentHeader(properties=message.properties, body_size=len(message.body))
    frames: list[FrameTypes] = [method, header, *_pieces(message.body, channel.max_content_size)]
    return b"".join(marshal(frame, channel.number) for frame in frames)


def _pieces(body: bytes, size: int) -> Iterator[ContentBody]:
    return (ContentBody(body[start : start + size]) for start in range(0, len(body), size))


def _expect(channel: Channel, message_id: str, confirmation: "Future[object]") -> None:
    """Number the message as the broker will, and note under that number who waits for its confirm."""
    channel.delivery_tag += 1
    channel.confirmations[channel.delivery_tag] = confirmation
    channel.message_id_delivery_tag[message_id] = channel.delivery_tag
    confirmation.add_done_callback(partial(_forget, channel, message_id, channel.delivery_tag))


def _forget(channel: Channel, message_id: str, tag: int, _: "Future[object]") -> None:
    if channel.message_id_delivery_tag.get(message_id) == tag:
        del channel.message_id_delivery_tag[message_id]
