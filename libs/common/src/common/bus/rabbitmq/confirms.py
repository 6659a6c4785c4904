"""Publishing a batch with publisher confirms: one lock, one write, a confirmation each.

aiormq's own `basic_publish` takes the channel's lock and the socket once per message, and every hand-over of that lock
is a turn of the event loop: measured in a process that also answers requests, 67 messages took 0.39 s that way. Here
the frames of the whole batch are written together. It speaks to the same book-keeping (`confirmations`,
`message_id_delivery_tag`) as aiormq 7's `basic_publish`; the transport's contract suite holds it to that.
"""

from asyncio import Future
from collections.abc import Sequence
from functools import partial

from aiormq.abc import ChannelFrame
from aiormq.channel import Channel

from common.bus.rabbitmq.frames import Publication, publication


async def publish_all(channel: Channel, messages: Sequence[Publication]) -> list[Future[object]]:
    """Write the messages in order; for each a future of the broker's confirm, which is PublishError when unroutable.

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
                payload.append(publication(message, channel.number, channel.max_content_size))
            except Exception as error:
                confirmation.set_exception(error)
                continue
            _expect(channel, str(message.properties.message_id), confirmation)
        await channel.write_queue.put(ChannelFrame(b"".join(payload), should_close=False))
    return confirmations


def _expect(channel: Channel, message_id: str, confirmation: "Future[object]") -> None:
    """Number the message as the broker will, and note under that number who waits for its confirm."""
    channel.delivery_tag += 1
    channel.confirmations[channel.delivery_tag] = confirmation
    channel.message_id_delivery_tag[message_id] = channel.delivery_tag
    confirmation.add_done_callback(partial(_forget, channel, message_id, channel.delivery_tag))


def _forget(channel: Channel, message_id: str, tag: int, _: "Future[object]") -> None:
    if channel.message_id_delivery_tag.get(message_id) == tag:
        del channel.message_id_delivery_tag[message_id]
