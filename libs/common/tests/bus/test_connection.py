"""One connection to a real broker, with channels that publish and consume; and servers that are no broker."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import aio_pika
import pytest

from common.bus.rabbitmq.channel import ConsumeChannel, PublishChannel
from common.bus.rabbitmq.confirms import PublishedBatch
from common.bus.rabbitmq.connection import AmqpConnection
from common.bus.rabbitmq.frames import Message, Properties, Publication
from common.bus.transport import UnroutableError

from .conftest import word


@pytest.fixture
async def aio_channel() -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    async with connection:
        yield await connection.channel()


@pytest.fixture
async def queue(aio_channel: aio_pika.abc.AbstractChannel) -> str:
    name = f"connection.{word()}"
    await aio_channel.declare_queue(name, exclusive=False, auto_delete=False, arguments={"x-expires": 60_000})
    return name


@pytest.fixture
async def connection() -> AsyncIterator[AmqpConnection]:
    connection = await AmqpConnection.open(os.environ["AMQP_URL"], "test")
    yield connection
    await connection.close()


def message(queue: str, body: bytes, message_id: str | None = None) -> Publication:
    return Publication("", queue, Properties(headers={"k": "v"}, message_id=message_id), body)


async def publish(connection: AmqpConnection, *messages: Publication) -> PublishedBatch:
    async with connection.channel(PublishChannel) as channel:
        batch = channel.publish(messages)
        assert await batch.settled(10)
        return batch


@contextlib.asynccontextmanager
async def consuming(connection: AmqpConnection, queue: str, prefetch: int = 100) -> AsyncIterator[ConsumeChannel]:
    async with connection.channel(ConsumeChannel) as channel:
        await channel.consume(queue, prefetch)
        yield channel


async def take(channel: ConsumeChannel, count: int) -> list[Message]:
    taken: list[Message] = []
    async with asyncio.timeout(10):
        while len(taken) < count:
            await channel.next()
            taken += channel.take(count - len(taken))
    return taken


@pytest.mark.broker
async def test_messages_arrive_whole_and_in_order_however_large(connection: AmqpConnection, queue: str) -> None:
    bodies = [b"", b"small", b"x" * 300_000, *(b"%d" % n for n in range(50))]
    batch = await publish(connection, *(message(queue, body) for body in bodies))
    assert batch.outcomes == [None] * len(bodies)
    async with consuming(connection, queue) as channel:
        taken = await take(channel, len(bodies))
    assert [message.body for message in taken] == bodies
    assert {message.properties.headers["k"] for message in taken} == {"v"}
    assert {(message.routing_key, message.redelivered) for message in taken} == {(queue, False)}


@pytest.mark.broker
async def test_unacknowledged_messages_are_delivered_again_when_the_channel_closes(
    connection: AmqpConnection, queue: str
) -> None:
    await publish(connection, *(message(queue, body) for body in (b"one", b"two", b"three")))
    async with consuming(connection, queue) as channel:
        taken = await take(channel, 3)
        channel.acknowledge(taken[1].tag)
    async with consuming(connection, queue) as channel:
        (redelivered,) = await take(channel, 1)
    assert (redelivered.body, redelivered.redelivered) == (b"three", True)


@pytest.mark.broker
async def test_prefetch_bounds_the_messages_without_acknowledgement(connection: AmqpConnection, queue: str) -> None:
    await publish(connection, *(message(queue, b"%d" % n) for n in range(10)))
    async with consuming(connection, queue, prefetch=3) as channel:
        await take(channel, 3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await channel.next()


@pytest.mark.broker
async def test_a_deleted_queue_fails_its_channel_and_no_other(
    connection: AmqpConnection, queue: str, aio_channel: aio_pika.abc.AbstractChannel
) -> None:
    other = await aio_channel.declare_queue(f"connection.{word()}", arguments={"x-expires": 60_000})
    async with consuming(connection, queue) as channel, consuming(connection, other.name) as unaffected:
        waiting = asyncio.create_task(channel.next())
        await asyncio.sleep(0)
        await aio_channel.queue_delete(queue)
        with pytest.raises(ConnectionError, match="cancelled"):
            await waiting
        await publish(connection, message(other.name, b"still here"))
        assert [each.body for each in await take(unaffected, 1)] == [b"still here"]


@pytest.mark.broker
async def test_a_missing_queue_is_named_and_its_channel_number_is_used_again(
    connection: AmqpConnection, queue: str
) -> None:
    for _ in range(3):
        with pytest.raises(ConnectionError, match=r"404.*no queue 'nowhere'"):
            async with consuming(connection, "nowhere"):
                pass
    async with consuming(connection, queue):
        assert len(connection._channels) == 2  # with the control channel


@pytest.mark.broker
async def test_a_returned_message_fails_alone_although_copies_of_its_event_are_in_flight(
    connection: AmqpConnection, queue: str
) -> None:
    batch = await publish(
        connection,
        message(queue, b"1", "event"),
        message("nowhere", b"2", "event"),
        message(queue, b"3", "event"),
        message("nowhere", b"4", "event"),
    )
    assert [type(outcome) for outcome in batch.outcomes] == [type(None), UnroutableError, type(None), UnroutableError]


@pytest.mark.broker
async def test_a_message_that_cannot_be_encoded_fails_alone(connection: AmqpConnection, queue: str) -> None:
    batch = await publish(connection, message(queue, b"1"), message(queue, b"2", "x" * 256), message(queue, b"3"))
    assert [type(outcome) for outcome in batch.outcomes] == [type(None), ValueError, type(None)]


@pytest.mark.broker
async def test_a_missing_exchange_fails_the_whole_batch_but_not_for_good(
    connection: AmqpConnection, queue: str
) -> None:
    batch = await publish(connection, Publication("nowhere", "k", Properties(), b""), message(queue, b"1"))
    assert [type(outcome) for outcome in batch.outcomes] == [ConnectionError, ConnectionError]


@pytest.mark.broker
async def test_every_channel_fails_with_the_connection(connection: AmqpConnection, queue: str) -> None:
    publishing = await connection.open_channel(PublishChannel)
    async with consuming(connection, queue) as channel:
        batch = publishing.publish([message(queue, b"1")])
        connection.abort("gone")
        assert await batch.settled(0)
        assert isinstance(batch.outcomes[0], ConnectionError)
        with pytest.raises(ConnectionError, match="gone"):
            await channel.next()
        with pytest.raises(ConnectionError, match="gone"):
            publishing.publish([message(queue, b"2")])


async def listening(answer: bytes) -> tuple[asyncio.Server, str]:
    """A server that answers a client's first bytes with these and then is silent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, f"amqp://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x01\x00\x00\x00\x00\x00\x02abc"])
async def test_a_server_that_is_no_broker_is_an_error(answer: bytes) -> None:
    server, url = await listening(answer)
    async with server:
        with pytest.raises(ConnectionError):
            await AmqpConnection.open(url, "test")


async def test_a_broker_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.bus.rabbitmq.channel.REPLY_SECONDS", 0.05)
    server, url = await listening(b"")
    async with server:
        with pytest.raises(ConnectionError, match="did not answer"):
            await AmqpConnection.open(url, "test")


async def test_a_refused_connection_is_an_error() -> None:
    with pytest.raises(ConnectionError):
        await AmqpConnection.open("amqp://127.0.0.1:9/", "test")


@pytest.mark.broker
async def test_a_wrong_password_is_named() -> None:
    url = os.environ["AMQP_URL"].replace("guest:", "guest:wrong", 1)
    with pytest.raises(ConnectionError, match="403"):
        await AmqpConnection.open(url, "test")
