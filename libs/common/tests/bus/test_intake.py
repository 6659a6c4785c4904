"""Consuming from a real broker, and from what only looks like one."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import aio_pika
import pytest

from common.bus.rabbitmq.frames import Message
from common.bus.rabbitmq.intake import Intake

from .conftest import word


@pytest.fixture
async def channel() -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    async with connection:
        yield await connection.channel()


@pytest.fixture
async def queue(channel: aio_pika.abc.AbstractChannel) -> str:
    name = f"intake.{word()}"
    await channel.declare_queue(name, exclusive=False, auto_delete=False, arguments={"x-expires": 60_000})
    return name


async def send(channel: aio_pika.abc.AbstractChannel, queue: str, *bodies: bytes) -> None:
    for body in bodies:
        await channel.default_exchange.publish(aio_pika.Message(body, headers={"k": "v"}), routing_key=queue)


async def take(intake: Intake, count: int) -> list[Message]:
    taken: list[Message] = []
    async with asyncio.timeout(10):
        while len(taken) < count:
            await intake.waiting()
            taken += intake.take(count - len(taken))
    return taken


@contextlib.asynccontextmanager
async def consuming(queue: str, prefetch: int = 100) -> AsyncIterator[Intake]:
    async with Intake.opened(os.environ["AMQP_URL"], "test") as intake:
        await intake.consume(queue, prefetch)
        yield intake


@pytest.mark.broker
async def test_messages_come_whole_and_in_order_however_large(
    channel: aio_pika.abc.AbstractChannel, queue: str
) -> None:
    bodies = [b"", b"small", b"x" * 300_000, *(b"%d" % n for n in range(50))]
    await send(channel, queue, *bodies)
    async with consuming(queue) as intake:
        taken = await take(intake, len(bodies))
    assert [message.body for message in taken] == bodies
    assert {message.properties.headers["k"] for message in taken} == {"v"}
    assert {(message.routing_key, message.redelivered) for message in taken} == {(queue, False)}


@pytest.mark.broker
async def test_what_was_not_acknowledged_is_delivered_again(channel: aio_pika.abc.AbstractChannel, queue: str) -> None:
    await send(channel, queue, b"one", b"two", b"three")
    async with consuming(queue) as intake:
        taken = await take(intake, 3)
        intake.acknowledge(taken[1].tag)
    async with consuming(queue) as intake:
        (again,) = await take(intake, 1)
    assert (again.body, again.redelivered) == (b"three", True)


@pytest.mark.broker
async def test_no_more_are_under_way_than_prefetched(channel: aio_pika.abc.AbstractChannel, queue: str) -> None:
    await send(channel, queue, *(b"%d" % n for n in range(10)))
    async with consuming(queue, prefetch=3) as intake:
        await take(intake, 3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await intake.waiting()


@pytest.mark.broker
async def test_whoever_waits_hears_that_the_queue_was_deleted(
    channel: aio_pika.abc.AbstractChannel, queue: str
) -> None:
    async with consuming(queue) as intake:
        waiting = asyncio.create_task(intake.waiting())
        await asyncio.sleep(0)
        await channel.queue_delete(queue)
        with pytest.raises(ConnectionError, match="cancelled"):
            await waiting


@pytest.mark.broker
async def test_a_queue_that_is_not_there_is_named() -> None:
    with pytest.raises(ConnectionError, match=r"404.*no queue 'nowhere'"):
        async with consuming("nowhere"):
            pass


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
async def test_what_is_no_broker_is_refused(answer: bytes) -> None:
    server, url = await listening(answer)
    async with server:
        with pytest.raises(ConnectionError):
            async with Intake.opened(url, "test"):
                pass


async def test_a_broker_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.bus.rabbitmq.intake.REPLY_TIMEOUT", 0.05)
    server, url = await listening(b"")
    async with server:
        with pytest.raises(ConnectionError, match="did not answer"):
            async with Intake.opened(url, "test"):
                pass


async def test_where_nobody_listens_the_connection_is_refused() -> None:
    with pytest.raises(ConnectionError):
        async with Intake.opened("amqp://127.0.0.1:9/", "test"):
            pass
