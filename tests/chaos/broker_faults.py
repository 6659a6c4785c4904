"""Faults of the broker: restart, kill, cancelled consumers, closed connections, memory alarm."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from dukan.rabbitmq import DEBIAN_SERVER, PrivateRabbit
from tests.chaos.faults import Environment, Fault, NotInjectedError

CONTROL_SECONDS = 30.0
DEFAULT_WATERMARK = "0.4"
# The error that a channel gets if the leader of a consumed queue is gone for good; the client's consumer is cancelled.
CANCEL = """
Name = rabbit_misc:r(<<"/">>, queue, <<"{queue}">>),
{{ok, Queue}} = rabbit_amqqueue:lookup(Name),
length([gen_server2:cast(element(1, C), {{queue_event, Name, {{element(1, C), eol}}}})
        || C <- rabbit_amqqueue:consumers(Queue)]).
"""
CONSUMED = ("orders.checkout.v1", "catalog.checkout.v1", "billing.checkout.v1", "notifications.orders.v1")


@dataclass(frozen=True)
class Restart:
    """The node is stopped gracefully and started again."""

    name: str = "broker-restart"

    async def inject(self, environment: Environment, rng: Random) -> None:
        await environment.outside(environment.broker.stop)
        await environment.outside(environment.broker.start)


@dataclass(frozen=True)
class Kill:
    """kill -9 of the node, then start."""

    name: str = "broker-kill"

    async def inject(self, environment: Environment, rng: Random) -> None:
        os.kill(environment.broker.pid, signal.SIGKILL)
        await environment.outside(environment.broker.stop)
        await environment.outside(environment.broker.start)


@dataclass(frozen=True)
class CancelConsumers:
    """basic.cancel to the consumers of a queue, as if its leader were gone."""

    name: str = "broker-cancels-consumer"

    async def inject(self, environment: Environment, rng: Random) -> None:
        queue = rng.choice(CONSUMED)
        cancelled = await control(environment.broker, "eval", CANCEL.format(queue=queue))
        if not re.search(r"[1-9]", cancelled):
            raise NotInjectedError(f"nobody consumed {queue}: {cancelled}")


@dataclass(frozen=True)
class CloseConnections:
    """connection.close to every client."""

    name: str = "broker-closes-connections"

    async def inject(self, environment: Environment, rng: Random) -> None:
        await control(environment.broker, "close_all_connections", "chaos")


@dataclass(frozen=True)
class MemoryAlarm:
    """The broker blocks publishers for a while: connections stay open, confirms do not arrive."""

    name: str = "broker-memory-alarm"

    async def inject(self, environment: Environment, rng: Random) -> None:
        await control(environment.broker, "set_vm_memory_high_watermark", "0.00001")
        try:
            await asyncio.sleep(rng.uniform(2, 14))
        finally:
            await control(environment.broker, "set_vm_memory_high_watermark", DEFAULT_WATERMARK)


async def control(broker: PrivateRabbit, *arguments: str) -> str:
    """The output of rabbitmqctl. Raises NotInjectedError if it fails."""
    program = DEBIAN_SERVER.with_name("rabbitmqctl")
    command = str(program) if program.exists() else shutil.which("rabbitmqctl")
    if command is None:
        raise NotInjectedError("there is no rabbitmqctl")
    process = await asyncio.create_subprocess_exec(
        command,
        *arguments,
        env=dict(broker.environment()),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(CONTROL_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        raise NotInjectedError(f"rabbitmqctl {arguments[0]} did not end") from None
    if process.returncode != 0:
        raise NotInjectedError(f"rabbitmqctl {arguments[0]}: {output.decode(errors='replace')[-500:]}")
    return output.decode()


BROKER_FAULTS: Sequence[Fault] = (Restart(), Kill(), CancelConsumers(), CloseConnections(), MemoryAlarm())
